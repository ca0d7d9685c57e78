{{ staged_rows('spend') }}
