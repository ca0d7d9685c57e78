# %% [markdown]
# # A first look at the pipeline
# Reads what the last night published, read-only. Start it from the project's folder, or set `WAREHOUSE_DIR`. Copy it
# and change what you like.

# %%
import os
from pathlib import Path

import altair as alt
import duckdb

# the link, not what it points at today: opened anew, it is the newest publication
database = Path(os.environ.get("WAREHOUSE_DIR", "warehouse")) / "pipeline.duckdb"
pipeline = duckdb.connect(str(database), read_only=True)

# %% [markdown]
# ## Win rate by month
# One grain at a time, and complete months only. A ratio of several rows is divided anew from its counts.

# %%
win_rate = pipeline.sql("""
    select grain_value as source, month, win_rate, deals_won + deals_lost as deals_closed
    from marts.mart_monthly_metrics
    where grain = 'source' and is_complete_month
    order by source, month
""").df()
alt.Chart(win_rate).mark_line(point=True).encode(
    alt.X("month:T", title=None),
    alt.Y("win_rate:Q", title="win rate", axis=alt.Axis(format="%")),
    alt.Color("source:N"),
    tooltip=["source", "month", alt.Tooltip("win_rate", format=".1%"), "deals_closed"],
).properties(width=600, height=250)

# %%
pipeline.sql("""
    select
        grain_value as source,
        sum(deals_won) as won,
        sum(deals_lost) as lost,
        sum(deals_won) / nullif(sum(deals_won) + sum(deals_lost), 0) as win_rate
    from marts.mart_monthly_metrics
    where grain = 'source' and is_complete_month
    group by source
    order by source
""").df()

# %% [markdown]
# ## Time in stage
# The median with deals that are still there counted (Kaplan-Meier), and its interval; the tick is the plain median.

# %%
days = pipeline.sql("""
    select source || ': ' || pipeline || ' · ' || stage as stage, days_in_stage_median as plain,
        days_in_stage_km_median as median, days_in_stage_km_median_low as low, days_in_stage_km_median_high as high
    from marts.mart_time_in_stage
    where days_in_stage_km_median is not null
    order by source, pipeline, stage_order
""").df()
stages = alt.Chart(days).encode(alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(labelLimit=400)))
alt.layer(
    stages.mark_rule(strokeWidth=2).encode(alt.X("low:Q", title="days"), alt.X2("high:Q")),
    stages.mark_point(filled=True, size=60).encode(x="median:Q"),
    stages.mark_tick(color="grey").encode(x="plain:Q"),
)

# %% [markdown]
# ## Forecast
# Expected amounts of pipelines add up, their intervals do not: so one chart each.

# %%
forecast = pipeline.sql("""
    select source || ': ' || pipeline as pipeline, month, expected_amount::double as expected,
        low_amount::double as low, high_amount::double as high
    from marts.mart_forecast
    order by pipeline, month
""").df()
months = alt.Chart(forecast).encode(alt.X("yearmonth(month):O", title=None))
interval = months.mark_bar(opacity=0.3).encode(alt.Y("low:Q", title="amount"), alt.Y2("high:Q"))
(interval + months.mark_tick(thickness=2).encode(y="expected:Q")).properties(width=180, height=150).facet(
    "pipeline:N", columns=3
)

# %% [markdown]
# ## What the owners have to fix

# %%
pipeline.sql("""
    select owner_name, count(*) as records, sum(amount_at_stake) as amount_at_stake, min(first_seen_on) as since
    from quality.worklists
    group by owner_key, owner_name
    order by amount_at_stake desc nulls last
    limit 10
""").df()

# %%
pipeline.close()
