{#
    Fields that a configuration adds to an entity (`fields` of a feed), beside its canonical columns. Staging reads each by
    its kind, and from there on they stand in one column, `fields`: a JSON object of those that a record has, by name, so
    that no table's columns hang on the configuration. `field_value` takes one out again.
#}

{# Entities whose records can have fields (dagster_project/config/fields.py says the same). #}
{% macro entities_with_fields() -%} {{ return(['deals', 'leads', 'accounts', 'owners', 'activities']) }} {%- endmacro %}

{# The kinds a field can have. #}
{% macro all_kinds() -%} {{ return(['text', 'boolean', 'amount', 'number', 'date', 'timestamp']) }} {%- endmacro %}

{# The fields of an entity → kind, by name. #}
{% macro fields_of(entity) -%} {{ return(entities()[entity]['fields']) }} {%- endmacro %}

{# The fields of deals by which the monthly metrics are cut. #}
{% macro grain_fields() -%} {{ return(entities()['deals']['grains']) }} {%- endmacro %}

{#
    The fields as read, `_field_<name>`, as one JSON object with its keys in order, without those that are not known; NULL
    for none. Numbers and booleans are JSON's own, days and moments ISO 8601.
#}
{% macro fields_as_json(fields) -%}
    {%- if not fields -%} cast(null as string)
    {%- else -%}
    {%- set texts = {} -%}
    {%- for name, kind in fields.items() -%}{%- do texts.update({name: field_text('_field_' ~ name, kind)}) -%}{%- endfor -%}
    {{ texts_as_json(fields, texts) }}
    {%- endif -%}
{%- endmacro %}

{# The same of texts as `field_text` gives them: name → SQL. #}
{% macro texts_as_json(fields, texts) -%}
    {%- if not fields -%} cast(null as string)
    {%- else -%}
    nullif(concat_ws('', '{', concat_ws(','
        {%- for name, kind in fields.items() | sort %}
        , case when {{ texts[name] }} is not null then concat_ws('', '"{{ name }}":', {{ texts[name] if kind in ('amount', 'number', 'boolean') else json_text(texts[name]) }}) end
        {%- endfor %}
    ), '}'), '{}')
    {%- endif -%}
{%- endmacro %}

{# A field's value as text: an amount with two decimals, true or false, days and moments ISO 8601. #}
{% macro field_text(value, kind) -%}
    {%- if kind == 'text' -%} {{ value }}
    {%- elif kind == 'timestamp' -%} {{ moment_as_text(value) }}
    {%- elif kind == 'number' -%}
        {#- engines write large ones each in their own way -#}
        case when {{ value }} = round({{ value }}) and abs({{ value }}) < 1e15 then cast(cast({{ value }} as bigint) as string) else cast({{ value }} as string) end
    {%- else -%} cast({{ value }} as string)
    {%- endif -%}
{%- endmacro %}

{# A regular expression: no text in JSON has a quote without a backslash before it. #}
{% macro amount_in_json(name) -%} {{ return('[{,]"' ~ name ~ '":([-0-9.]+)') }} {%- endmacro %}

{# A field as its kind has it, of a column `fields`; NULL where the record has none. #}
{% macro field_value(fields, name, kind) -%}
    {#- an amount as it is written: JSON's numbers are doubles to whoever reads them -#}
    {%- set text = extracted(fields, amount_in_json(name)) if kind == 'amount' else json_value(fields, name) -%}
    {%- if kind == 'text' -%} {{ text }}
    {%- elif kind == 'timestamp' -%} cast(replace({{ text }}, 'Z', '') as timestamp)
    {%- else -%} cast({{ text }} as {{ {'boolean': 'boolean', 'amount': 'decimal(18, 2)', 'number': 'double', 'date': 'date'}[kind] }})
    {%- endif -%}
{%- endmacro %}

{# A field as `field_text` has it, of a column `fields`. #}
{% macro field_word(fields, name, kind) -%}
    {%- if kind == 'number' -%} {{ field_text(field_value(fields, name, kind), kind) }}
    {%- elif kind == 'amount' -%} {{ extracted(fields, amount_in_json(name)) }}
    {%- else -%} {{ json_value(fields, name) }}
    {%- endif -%}
{%- endmacro %}

{# The fields of deals that are of some kinds, as a list of SQL behind other names of logged fields. #}
{% macro logged_fields(kinds, others=[]) -%}
    {%- set names = others | list -%}
    {%- for name, kind in fields_of('deals').items() if kind in kinds -%}{%- do names.append(name) -%}{%- endfor -%}
    ({% for name in names %}'{{ name }}'{{ ', ' if not loop.last }}{% else %}''{% endfor %})
{%- endmacro %}

{# Columns of a wide view for the fields of an entity, a line for each. #}
{% macro field_columns(entity, relation, prefix='') -%}
    {%- for name, kind in fields_of(entity).items() %},
    {{ field_value(relation ~ '.fields', name, kind) }} as {{ prefix }}{{ name }}
    {%- endfor -%}
{%- endmacro %}

{# Columns that fields add to the wide view of deals or leads → what they are. #}
{% macro described_fields(entity) -%}
    {%- set said = {} -%}
    {%- set added = {entity: ''} -%}
    {%- if entity == 'deals' -%}{%- do added.update({'accounts': 'account_', 'owners': 'owner_'}) -%}{%- endif -%}
    {%- for one, prefix in added.items() -%}
        {%- for name, kind in fields_of(one).items() -%}
            {%- do said.update({prefix ~ name: 'The field ' ~ name ~ ' of ' ~ one ~ ' (' ~ kind ~ '), which the configuration adds. NULL where it is not known.'}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(said) -}}
{%- endmacro %}

{# What a log says of a field, `new` or `old`, as `field_text` has it; NULL where it cannot be read (stg_deal_changes). #}
{% macro logged_text(value, kind) -%}
    {%- if kind == 'text' -%} {{ value }}_value
    {%- elif kind == 'boolean' -%} {{ field_text('(' ~ read_value(value ~ '_value', 'boolean', none) ~ ')', kind) }}
    {%- elif kind == 'amount' -%} {{ field_text('_' ~ value ~ '_field_amount', kind) }}
    {%- elif kind == 'number' -%} case when abs(_{{ value }}_field_number) <= 1e308 then {{ field_text('_' ~ value ~ '_field_number', kind) }} end
    {%- elif kind == 'date' -%} {{ field_text('(' ~ not_before_history('_' ~ value ~ '_day', kind) ~ ')', kind) }}
    {%- else -%} {{ field_text('(' ~ not_before_history('_' ~ value ~ '_moment', kind) ~ ')', kind) }}
    {%- endif -%}
{%- endmacro %}
