"""Where a published value comes from: the rows that tell of a record, the text of a cell, and how it was read."""
