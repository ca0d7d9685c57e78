"""From a published figure to the records it is made of, to their rows, and to what it was before."""
