{#
    What a night builds lies in a new file that is swapped in when all of it is right. So a table is made under its own
    name, where the adapter makes it under another, renames, and looks for backups; its contract is held against what
    was made, where dbt plans every query twice; and all of its comments are one statement.
#}
{% materialization table, adapter="duckdb" %}
    {{ return(made_in_place("table")) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {{ return(made_in_place("view")) }}
{% endmaterialization %}

{#
    On Spark the schemas are a run's own and new: nothing is there to be dropped or renamed, and what is asked of the
    catalog for that costs as much as a small model. Comments and contracts wait until DuckDB has the tables.
#}
{% materialization table, adapter="spark" %}
    {{ return(made_anew("table")) }}
{% endmaterialization %}

{% materialization view, adapter="spark" %}
    {{ return(made_anew("view")) }}
{% endmaterialization %}

{% macro made_anew(type) %}
    {%- set relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") %}
        create {{ type }} {{ relation }} {{ "using parquet" if type == "table" }} as
        {{ compiled_code }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [relation]}) }}
{% endmacro %}

{% macro made_in_place(type) %}
    {%- set relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement("main") %}
        create or replace {{ type }} {{ relation }} as
        {{ compiled_code }}
    {% endcall %}
    {% if config.get("contract").enforced %}{{ demand_contract(relation) }}{% endif %}
    {{ comment_on(relation) }}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({"relations": [relation]}) }}
{% endmacro %}

{# Stops a model whose table has other columns than its contract, in other places, or of other types, in DuckDB's words. #}
{% macro demand_contract(relation) %}
    {%- set contract -%}
        select
        {%- for column in model.columns.values() %}
            cast(null as {{ column.data_type }}) as {{ column.name }}{{ "," if not loop.last }}
        {%- endfor %}
    {%- endset %}
    {% set differing = run_query(
        "with made as (select row_number() over () as place, column_name, column_type from (describe " ~ relation ~ ")),"
        ~ " promised as (select row_number() over () as place, column_name, column_type from (describe " ~ contract ~ "))"
        ~ " select place, concat_ws(' ', made.column_name, made.column_type),"
        ~ " concat_ws(' ', promised.column_name, promised.column_type)"
        ~ " from made full join promised using (place)"
        ~ " where (made.column_name, made.column_type) is distinct from (promised.column_name, promised.column_type)"
        ~ " order by place"
    ) %}
    {% if differing.rows %}
        {% set said = [] %}
        {% for place, made, promised in differing.rows %}
            {% do said.append("column " ~ place ~ " is " ~ (made or "missing") ~ ", not " ~ (promised or "promised")) %}
        {% endfor %}
        {% do exceptions.raise_compiler_error(model.name ~ " breaks its contract: " ~ said | join("; ")) %}
    {% endif %}
{% endmacro %}

{# A model's description and its columns', where they are kept, in one statement. #}
{% macro comment_on(relation) %}
    {% set comments = [] %}
    {% if config.persist_relation_docs() and model.description %}
        {% do comments.append(alter_relation_comment(relation, model.description)) %}
    {% endif %}
    {% if config.persist_column_docs() %}
        {% for column in model.columns.values() if column.description %}
            {% do comments.append(
                "comment on column " ~ relation ~ "." ~ column.name ~ " is "
                ~ duckdb_escape_comment(column.description) ~ ";"
            ) %}
        {% endfor %}
    {% endif %}
    {#- what a wide view takes over from its fact is described there; of the project's graph nothing is known at night #}
    {% if model.name.endswith("_wide") %}
        {% set described = run_query(
            "select column_name, comment from duckdb_columns() where database_name = '" ~ relation.database ~ "'"
            ~ " and schema_name = '" ~ relation.schema ~ "' and table_name = 'fct_" ~ model.name[:-5] ~ "'"
        ) %}
        {% for name, comment in described.rows %}
            {% do comments.append("comment on column " ~ relation ~ "." ~ name ~ " is " ~ duckdb_escape_comment(comment) ~ ";") %}
        {% endfor %}
        {#- and what the configuration adds, by nobody but it #}
        {% for name, said in described_fields(model.name[:-5]).items() %}
            {% do comments.append("comment on column " ~ relation ~ "." ~ name ~ " is " ~ duckdb_escape_comment(said) ~ ";") %}
        {% endfor %}
    {% endif %}
    {% if comments %}{% do run_query(comments | join("\n")) %}{% endif %}
{% endmacro %}
