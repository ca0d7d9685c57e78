{{ staged_rows('stages') }}
