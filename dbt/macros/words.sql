{# The words that staging knows of a column which says one of a few things, as a SQL list; a mapping's `values` lead there. #}
{% macro known_words(meaning) -%}
    {%- set words = {
        'status': ['open', 'won', 'lost', 'deleted'],
        'outbound': ['outbound', 'outgoing', 'out'],
        'inbound': ['inbound', 'incoming', 'in'],
        'no direction': ['internal', 'none'],
    }[meaning] -%}
    ({%- for word in words -%}'{{ word }}'{{ ', ' if not loop.last }}{%- endfor -%})
{%- endmacro %}
