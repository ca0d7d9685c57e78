-- Every delivery that said something new of a deal, with the stage it showed the deal in.
{{ where_rows_stand(ref('stg_deal_extracts')) }}
