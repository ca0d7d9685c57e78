{#
    The record's number in its file (header = 1) of rows that are known by their position among the accepted ones: the
    rows that the parser rejected before it count too. `relation` has source, feed, file_id and file_position.
#}
{% macro row_numbers_of(relation) -%}
    select
        source,
        feed,
        file_id,
        file_position,
        row_number
    from (
        select
            *,
            file_position + 1 + count(reject_number) over (
                partition by source, feed, file_id
                order by file_position, reject_number nulls last
            ) as row_number
        from (
            select distinct
                source,
                feed,
                file_id,
                file_position,
                cast(null as bigint) as reject_number
            from {{ relation }}

            union all

            -- a reject stands before the next row that was accepted: its record number, less the header and the rejects
            select
                source,
                feed,
                file_id,
                row_number - row_number() over (partition by source, feed, file_id order by row_number) as file_position,
                row_number as reject_number
            from {{ ref('stg_lake__rejects') }}
        ) as rows_of_files
    ) as numbered
    where reject_number is null
{%- endmacro %}
