"""Columns that a mapping has looked up (`look_up`): whom a cell means that holds a name where others hold an id.

A cell means the record with that id, else the one record of the source with that name, however it writes case,
accents and spaces. A name that nobody has, or several, means nobody; a deal's account and any owner then keep the name,
which is all that list exports without a file of accounts or users know of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, LOOKED_UP
from dagster_project.config.models import Configuration

#: Between several ids in one cell, where the mapping does not say.
_SEPARATOR = ";"


@dataclass(frozen=True)
class Lookup:
    """A column of a feed that is looked up."""

    source: str
    feed: str
    entity: str
    column: str
    separator: str

    @property
    def looks_in(self) -> str:
        """The entity whose ids and names are looked at."""
        return LOOKED_UP[self.column]

    @property
    def keeps_unknown(self) -> bool:
        """Whether a name nobody has stands for itself: an activity that says what it is about says it to nobody."""
        return self.entity != "activities" or self.column == "owner_id"


def lookups_of(config: Configuration) -> list[Lookup]:
    """Every column that some feed has looked up."""
    return [
        Lookup(source.name, name, feed.entity, column, feed.id_separator or source.id_separator or _SEPARATOR)
        for source in config.sources
        for name, feed in source.feeds.items()
        for column in feed.look_up
    ]


def with_lookups(connection: duckdb.DuckDBPyConnection, config: Configuration, rows: dict[str, str]) -> dict[str, str]:
    """The same relations (entity → SQL of its lake rows) with the ids that looked-up cells mean.

    What a cell can say stands in the new table `lake.lookups`. Entities nobody looks anything up in are as they were.
    """
    lookups = lookups_of(config)
    if not lookups:
        return rows
    _create_table(connection, config, lookups, rows)
    return {
        entity: _resolved(relation, [one for one in lookups if one.entity == entity])
        for entity, relation in rows.items()
    }


def _create_table(
    connection: duckdb.DuckDBPyConnection, config: Configuration, lookups: list[Lookup], rows: dict[str, str]
) -> None:
    """`lake.lookups`: by source and entity, every text that means one record alone."""
    wanted = sorted({(one.source, one.looks_in) for one in lookups})
    full = {
        source.name: [n for n, feed in source.feeds.items() if (feed.deliveries or source.deliveries) == "full"]
        for source in config.sources
    }
    parts = [_meant(source, entity, rows[entity], full[source]) for source, entity in wanted]
    connection.execute(f"create table lake.lookups as {' union all '.join(parts)}")


def _meant(source: str, entity: str, relation: str, full_feeds: list[str]) -> str:
    """SQL: what can be said of a source's records of an entity, and the one record that it means."""
    key, name = ENTITIES[entity].key, ENTITIES[entity].name
    # of a full extract, who is in its newest delivery; whom an increment told of is there for good
    is_full = f"_feed in ({', '.join(map(sql.text, full_feeds))})" if full_feeds else "false"
    is_there = f"(not ({is_full}) or _extracted_at = max(_extracted_at) over (partition by _feed))"
    return f"""
        (with rows as (
            select
                {key} as record_id,
                {name} as record_name,
                {is_there} as is_there,
                row_number() over (
                    partition by {key} order by _extracted_at desc, _file_id desc, _file_row_number desc
                ) as place
            from ({relation})
            where _source = {sql.text(source)} and {key} is not null
        ),

        newest as (
            select record_id, record_name, is_there from rows where place = 1
        ),

        said as (
            select record_id, is_there, true as is_id, {_spelled("record_id")} as text from newest
            union all
            select record_id, is_there, false as is_id, {_spelled("record_name")} as text
            from newest
            where record_name is not null
        )

        select
            {sql.text(source)} as source,
            {sql.text(entity)} as entity,
            text,
            -- an id before a name, who is there before who is gone
            coalesce(
                max(record_id) filter (where is_id),
                max(record_id) filter (where is_there),
                max(record_id)
            ) as record_id
        from said
        group by text
        having case
            when bool_or(is_id) then count_if(is_id)
            when bool_or(is_there) then count_if(is_there)
            else count(*)
        end = 1)
    """


def _resolved(relation: str, lookups: list[Lookup]) -> str:
    """A relation with the looked-up columns of these feeds replaced."""
    replaced = []
    for column in sorted({one.column for one in lookups}):
        of_feeds = [one for one in lookups if one.column == column]
        cases = " ".join(_case(one) for one in of_feeds)
        replaced.append(f"case {cases} else {column} end as {column}")
    if not replaced:
        return relation
    return f"select * replace ({', '.join(replaced)}) from ({relation}) as said"


def _case(one: Lookup) -> str:
    found = (
        f"(select lookups.record_id from lake.lookups as lookups where lookups.source = {sql.text(one.source)} "
        f"and lookups.entity = {sql.text(one.looks_in)} and lookups.text = {_spelled(f'said.{one.column}')})"
    )
    return (
        f"when _source = {sql.text(one.source)} and _feed = {sql.text(one.feed)} "
        f"and not contains({one.column}, {sql.text(one.separator)}) "
        f"then {f'coalesce({found}, {one.column})' if one.keeps_unknown else found}"
    )


def _spelled(text: str) -> str:
    """SQL: a name as names are compared (the macro `normalized` says the same)."""
    return rf"lower(strip_accents(trim(regexp_replace({text}, '[\s\p{{Z}}]+', ' ', 'g'))))"
