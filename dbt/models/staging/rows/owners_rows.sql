{{ staged_rows('owners') }}
