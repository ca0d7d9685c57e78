{# How good evidence of a deal's history is, 1 the best: what the CRM logged, a version, a stage's date, what extracts show. #}
{% macro evidence_rank(evidence) -%}
    case {{ evidence }} when 'logged' then 1 when 'versioned' then 2 when 'dated' then 3 else 4 end
{%- endmacro %}

{#
    What is known of each subject by its best evidence: it supplies everything from its first word on, the next best what
    came before.

    told     a relation with the subject's columns, `evidence`, the moment `at`, and `shape_position`: the order in a shape
    number   the column that numbers the words of a subject, from 1, the oldest first
    before   columns of which the word before is handed on as `<column>_before`
    tells    of the words of one subject and evidence: whether they tell anything at all
#}
{% macro by_best_evidence(told, subject, at, number, before, tells='true') -%}
    select
        told.*,
        row_number() over in_order as {{ number }}
        {%- for column in before %},
        lag(told.{{ column }}) over in_order as {{ column }}_before
        {%- endfor %}
    from {{ told }} as told
    inner join (
        select
            {{ subject | join(', ') }},
            evidence,
            min(min({{ at }})) over (
                partition by {{ subject | join(', ') }}
                order by {{ evidence_rank('evidence') }}
                rows between unbounded preceding and 1 preceding
            ) as better_begins_at
        from {{ told }}
        group by
            {{ subject | join(', ') }},
            evidence
        having {{ tells }}
    ) as begun
        on told.evidence = begun.evidence
        {%- for column in subject %}
        and told.{{ column }} = begun.{{ column }}
        {%- endfor %}
    where
        begun.better_begins_at is null
        or told.{{ at }} < begun.better_begins_at
    -- what better evidence tells comes after all that is taken from the others
    window
        in_order as (
            partition by {% for column in subject %}told.{{ column }}{{ ", " if not loop.last }}{% endfor %}
            order by {{ evidence_rank('told.evidence') }} desc, told.shape_position
        )
{%- endmacro %}
