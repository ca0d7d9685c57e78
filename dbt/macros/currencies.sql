{#
    The currency that the cell of an amount names beside its digits: a code of ISO 4217, or a sign (dbt_project.yml lists
    both). A sign of one currency is as good as its code. One of several, such as $, says no more than that the currency
    is one of them.
#}

{% macro currency_words() -%} {{ return(var('currency_codes') + (var('currency_signs').keys() | list)) }} {%- endmacro %}

{# A regular expression of one of several words, as they stand. #}
{% macro one_of(words) -%} {{ return(words | join('|') | replace('.', '[.]') | replace('$', '[$]')) }} {%- endmacro %}

{# What stands before the digits of an amount, and behind them; NULL where nothing does. #}
{% macro word_before(cell) -%}
    {{ extracted(cell, '^[^0-9]*?(' ~ one_of(currency_words()) ~ ')[^0-9A-Za-z]*[0-9]') }}
{%- endmacro %}

{% macro word_behind(cell) -%}
    {{ extracted(cell, '[0-9][^0-9A-Za-z\\p{Sc}]*?(' ~ one_of(currency_words()) ~ ')[^0-9]*$') }}
{%- endmacro %}

{#
    What the signs mean, as texts that are searched: '|€>EUR|$>USD|$>ARS|…|', and those of one currency as '|€=EUR|…|'. A CASE
    with a branch for each is a thousand expressions in every statement that reads an amount, which DuckDB plans and sets up
    for half a second whatever the number of rows.
#}
{% macro signs_and_currencies() -%}
    '|{% for sign, codes in var('currency_signs').items() %}{% for code in codes %}{{ sign }}>{{ code }}|{% endfor %}{% endfor %}'
{%- endmacro %}

{% macro signs_of_one_currency() -%}
    '|{% for sign, codes in var('currency_signs').items() if codes | length == 1 %}{{ sign }}={{ codes[0] }}|{% endfor %}'
{%- endmacro %}

{# The currency of a sign of one, NULL for any other text. #}
{% macro currency_of_sign(sign) -%}
    case
        when position(concat_ws('', '|', {{ sign }}, '=') in {{ signs_of_one_currency() }}) > 0
            then substr(
                {{ signs_of_one_currency() }},
                cast(position(concat_ws('', '|', {{ sign }}, '=') in {{ signs_of_one_currency() }}) + length({{ sign }}) + 2 as int),
                3
            )
    end
{%- endmacro %}

{# The one currency that a word means, NULL for a sign of several. #}
{% macro sole_currency(word) -%}
    case
        when {{ word }} is null then null
        when position(concat_ws('', '|', {{ word }}, '>') in {{ signs_and_currencies() }}) = 0 then {{ word }}
        else {{ currency_of_sign(word) }}
    end
{%- endmacro %}

{# Whether a word can mean this currency; no word can mean any. #}
{% macro can_mean(word, currency) -%}
    case
        when {{ word }} is null then true
        when {{ currency }} is null then false
        else {{ word }} = {{ currency }} or position(concat_ws('', '|', {{ word }}, '>', {{ currency }}, '|') in {{ signs_and_currencies() }}) > 0
    end
{%- endmacro %}

{# The currency that the words beside an amount name, a sign of several being that of the source; NULL without words. #}
{% macro currency_named(before, behind, of_source) -%}
    coalesce(
        {{ sole_currency(before) }},
        {{ sole_currency(behind) }},
        case when coalesce({{ before }}, {{ behind }}) is not null then {{ of_source }} end
    )
{%- endmacro %}

{#
    The currency that a cell of a currency's own column says: a code, or a sign, one of several currencies being that of the
    source. NULL for every other word, which says nothing of the amount, and least of all that it is in the source's.
#}
{% macro read_currency(value, of_source) -%}
    case
        when {{ value }} is null then null
        when {{ value }} = {{ of_source }} then {{ of_source }}
        when upper({{ value }}) in ({% for code in var('currency_codes') %}'{{ code }}'{{ ', ' if not loop.last }}{% endfor %})
            then upper({{ value }})
        -- no sign is longer, and no longer text is looked for among them
        when length({{ value }}) > 3 then null
        when position(concat_ws('', '|', {{ value }}, '>', {{ of_source }}, '|') in {{ signs_and_currencies() }}) > 0 then {{ of_source }}
        else {{ currency_of_sign(value) }}
    end
{%- endmacro %}

{#
    Between staging and the facts: an amount whose currency was told and cannot be read. No rate is one of it, and it is
    nobody's currency; published, it is NULL. ISO 4217 has this code for it.
#}
{% macro unreadable_currency() -%} 'XXX' {%- endmacro %}
