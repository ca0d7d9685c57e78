-- Every deal of a delivered row: the stage its row says it is in, win and loss as a status included, and when a
-- delivery first showed what it still shows.
{% set shown = ['outcome', 'close', 'creation'] %}

with run as (
    select * from {{ ref('stg_config__run') }}
),

standing as (
    {{ where_rows_stand(ref('stg_deals')) }}
),

compared as (
    select
        extracts.deal_key,
        extracts.extracted_at,
        extracts.outcome != standing.outcome as is_other_outcome,
        (
            extracts.outcome != standing.outcome
            or extracts.given_closed_at is distinct from standing.given_closed_at
            or extracts.given_close_on is distinct from standing.given_close_on
        ) as is_other_close,
        (extracts.created_at is distinct from standing.created_at) as is_other_creation
    from {{ ref('int_deal_extracts') }} as extracts
    inner join standing on extracts.deal_key = standing.deal_key
),

other_shown as (
    select
        *
        {%- for what in shown %},
        max(case when is_other_{{ what }} then extracted_at end) over (partition by deal_key) as other_{{ what }}_at
        {%- endfor %}
    from compared
),

-- the first delivery of the last unbroken run that shows the same
first_shown as (
    select
        deal_key
        {%- for what in shown %},
        min(case when extracted_at > coalesce(other_{{ what }}_at, {{ since_ever() }}) then extracted_at end)
            as {{ what }}_shown_at
        {%- endfor %}
    from other_shown
    group by deal_key
),

dated as (
    select
        standing.*,
        coalesce(first_shown.outcome_shown_at, standing.extracted_at) as outcome_shown_at,
        coalesce(first_shown.close_shown_at, standing.extracted_at) as close_shown_at,
        coalesce(first_shown.creation_shown_at, standing.extracted_at) as creation_shown_at,
        coalesce(
            standing.given_closed_at,
            {{ to_utc('cast(standing.given_close_on as timestamp)', 'run.timezone') }}
        ) as given_close_at,
        run.as_of
    from standing
    cross join run
    left join first_shown on standing.deal_key = first_shown.deal_key
)

select
    deal_key,
    source,
    deal_id,
    owner_id,
    account_id,
    deal_name,
    lead_source,
    amount,
    currency,
    lost_reason,
    win_probability,
    fields,
    created_at,
    expected_close_on,
    feed,
    extracted_at,
    first_delivered_at,
    last_delivered_at,
    is_flagged_deleted,
    is_gone,
    pipeline_name,
    pipeline,
    names_pipeline,
    outcome,
    named_stage,
    stage,
    given_closed_at,
    given_close_on,
    -- the row's own word of its close; without a date, or with one after the run's moment, when it was first shown
    case
        when outcome = 'open' then null
        when given_close_at is null then outcome_shown_at
        when given_close_at > as_of then close_shown_at
        else least(given_close_at, extracted_at)
    end as row_closed_at,
    creation_shown_at
from dated
