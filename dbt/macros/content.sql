{# The content of a staged row as text, column by column: what two rows of one key are compared by. #}
{% macro content_of(entity) -%}
    {%- set columns = {
        'deals': ['deal_name', 'pipeline', 'stage', 'status', 'is_closed', 'is_won', 'is_lost', 'amount', 'currency',
            'owner_id', 'account_id', 'lead_id', 'contact_id', 'lead_source', 'created_at', 'close_on', 'expected_close_on', 'closed_at',
            'won_at', 'lost_at', 'lost_reason', 'win_probability', 'is_deleted', 'stage_dates', 'merged_ids', 'merged_into_id', 'fields'],
        'leads': ['lead_name', 'company', 'email', 'owner_id', 'lead_source', 'status', 'created_at', 'is_converted',
            'converted_at', 'converted_deal_id', 'contact_id', 'account_id', 'is_deleted', 'merged_ids', 'merged_into_id', 'fields'],
        'activities': ['activity_type', 'subject', 'direction', 'deal_id', 'lead_id', 'contact_id', 'account_id', 'owner_id',
            'created_at', 'due_at', 'completed_at', 'is_done', 'is_deleted', 'fields'],
        'owners': ['owner_name', 'email', 'is_active', 'fields'],
        'accounts': ['account_name', 'segment', 'owner_id', 'is_deleted', 'fields'],
        'stages': ['stage_name', 'pipeline', 'stage_order', 'win_probability', 'is_won', 'is_lost', 'canonical_stage'],
    } -%}
    {%- for column in columns[entity] -%}
        coalesce(cast(rows.{{ column }} as string), ''){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
