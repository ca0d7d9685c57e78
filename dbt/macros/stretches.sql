{#
    The days over which a field of a deal kept one value, by day's ends: deal_key, from_on, until_on and value, for deals
    of which `changes` tell one of that field. Since ever and for ever are dates, not NULL: an outer join whose condition
    is not made of plain comparisons compares every row with every other one in DuckDB (330 s of a night, once).
#}
{% macro value_stretches(field, changes=none) -%}
    {%- set told = changes or ref('fct_deal_changes') -%}
    select
        deal_key,
        from_on,
        coalesce(
            lead(from_on) over (partition by deal_key order by change_number),
            {{ for_ever() }}
        ) as until_on,
        value
    from (
        select
            *,
            lead(from_on) over (partition by deal_key order by change_number) as next_from_on
        from (
            select
                changes.deal_key,
                changes.change_number,
                {{ day_in('changes.changed_at', 'run.timezone') }} as from_on,
                changes.new_value as value
            from {{ told }} as changes
            cross join {{ ref('stg_config__run') }} as run
            where changes.field = '{{ field }}'

            union all

            select
                deal_key,
                0 as change_number,
                {{ since_ever() }} as from_on,
                old_value as value
            from {{ told }}
            where
                field = '{{ field }}'
                and change_number = 1
        ) as changes
    ) as changes
    -- the last of a day is what it was at the day's end
    where
        next_from_on is null
        or next_from_on > from_on
{%- endmacro %}

{#
    A deal's amount in the reporting currency over a stretch of int_amount_stretches: of a deal without any the last amount
    known stands for all its life.
#}
{% macro amount_reporting_in(stretch, last_amount, rate) -%}
    case
        when {{ stretch }}.deal_key is null then {{ at_rate(last_amount, rate) }}
        else {{ stretch }}.amount_reporting
    end
{%- endmacro %}

{#
    The deals, deleted ones too, with the days on which they came into the pipeline and were deleted, and what their amounts
    are told in. One that came as what is left of others came when they went.
#}
{% macro deals_by_the_day() -%}
    select
        deals.deal_key,
        deals.source,
        facts.pipeline,
        facts.amount,
        facts.reporting_rate,
        deals.merged_in_at is not null as is_merged_in,
        deals.is_deleted_by_merge as is_merged_out,
        greatest(deals.entered_pipeline_at, deals.merged_in_at) as created_at,
        deals.deleted_at,
        {{ day_in('greatest(deals.entered_pipeline_at, deals.merged_in_at)', 'run.timezone') }} as created_on,
        {{ day_in('deals.deleted_at', 'run.timezone') }} as deleted_on
    from {{ ref('int_deals') }} as deals
    inner join {{ ref('fct_deals') }} as facts on deals.deal_key = facts.deal_key
    cross join {{ ref('stg_config__run') }} as run
{%- endmacro %}

{% macro since_ever() -%} cast('0001-01-01' as date) {%- endmacro %}

{% macro for_ever() -%} cast('9999-12-31' as date) {%- endmacro %}
