{#
    What a delivered row says of win and loss, if it says it apart from the stage; `closed`: its stage says which. A flag
    that is false says the deal is open as long as no other one contradicts it.
#}
{% macro status_given(rows) -%}
    case
        when lower({{ rows }}.status) in ('won', 'lost', 'open') then lower({{ rows }}.status)
        when {{ rows }}.is_won then 'won'
        when {{ rows }}.is_lost then 'lost'
        when {{ rows }}.is_closed and not {{ rows }}.is_won then 'lost'
        when {{ rows }}.is_closed then 'closed'
        when not coalesce({{ rows }}.is_closed, {{ rows }}.is_won, {{ rows }}.is_lost) then 'open'
    end
{%- endmacro %}

{# Whether a delivered row flags its deal as deleted. #}
{% macro is_flagged_deleted(rows) -%}
    (coalesce({{ rows }}.is_deleted, false) or coalesce(lower({{ rows }}.status) = 'deleted', false))
{%- endmacro %}

{#
    Delivered deal rows with the pipeline, stage and outcome they stand in, win and loss as a status included: `relation`
    with pipeline, names_pipeline (whether the row tells it, if only by its stage), stage, outcome, named_stage (the stage as
    the row itself names it), and the CRM's own moment and day of closing, given_closed_at and given_close_on, where it shows the deal closed.
#}
{% macro where_rows_stand(relation) -%}
    select
        judged.* {{ except_columns(['stage_outcome']) }},
        case
            when judged.outcome in ('won', 'lost') and coalesce(judged.stage_outcome, '') != judged.outcome
                then coalesce(terminal.stage, case judged.outcome when 'won' then 'Won' else 'Lost' end)
            else judged.named_stage
        end as stage,
        case judged.outcome
            when 'won' then coalesce(judged.won_at, judged.closed_at)
            when 'lost' then coalesce(judged.lost_at, judged.closed_at)
        end as given_closed_at,
        case when judged.outcome in ('won', 'lost') then judged.close_on end as given_close_on
    from (
        select
            deal_rows.*,
            coalesce(names.pipeline, pipelines.pipeline) as pipeline,
            deal_rows.pipeline_name is not null or names.pipeline != pipelines.pipeline as names_pipeline,
            names.stage as named_stage,
            names.outcome as stage_outcome,
            coalesce(
                case when deal_rows.status_given in ('won', 'lost') then deal_rows.status_given end,
                nullif(names.outcome, 'open'),
                -- closed in an open stage, and not known to be won
                case when deal_rows.status_given = 'closed' then 'lost' end,
                'open'
            ) as outcome
        from {{ relation }} as deal_rows
        left join {{ ref('int_stage_names') }} as names
            on deal_rows.source = names.source
            and coalesce(deal_rows.pipeline_name, '') = names.pipeline_name
            and deal_rows.stage_name = names.stage_name
        inner join {{ ref('int_pipeline_names') }} as pipelines
            on deal_rows.source = pipelines.source
            and coalesce(deal_rows.pipeline_name, '') = pipelines.pipeline_name
    ) as judged
    left join {{ ref('int_terminal_stages') }} as terminal
        on judged.source = terminal.source
        and judged.pipeline = terminal.pipeline
        and judged.outcome = terminal.outcome
{%- endmacro %}
