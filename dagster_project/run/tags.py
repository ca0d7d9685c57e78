"""Tags of a Dagster run that say how it differs from the usual one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


#: Tag of a Dagster run that says how long files must be still to count; without it: not at all.
SETTLE_TAG = "dealtrail/settle_seconds"
#: Tag of a Dagster run of `past_night`: the moment of that night, ISO 8601.
AS_OF_TAG = "dealtrail/as_of"
#: Tag of a Dagster run that publishes what is in the lake and leaves landing alone.
FROM_LAKE_TAG = "dealtrail/from_lake"
#: Tag of a Dagster run of `past_night`: it leaves in the lake what it would have published.
KEEPS_PUBLICATION_TAG = "dealtrail/keeps_publication"
#: Tag of a Dagster run that says which warehouse it writes.
WAREHOUSE_TAG = "dealtrail/warehouse"
