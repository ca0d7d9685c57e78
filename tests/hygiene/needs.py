"""Which rules a source gives no ground for: it does not deliver a column they need, not one value of it."""

from __future__ import annotations

from tests.hygiene.deliveries import Delivery, Feed
from tests.hygiene.planted import Planted

#: `history.<field>`: the field in a change log or in versions.
AMOUNT = ["deals.amount", "history.amount"]
EXPECTED = ["deals.expected_close_on", "deals.close_on", "history.expected_close_on"]
ACCOUNT = ["deals.account_id", "history.account_id"]
DEAL_NAME = ["deals.deal_name", "history.deal_name"]
LEAD_SOURCE = ["deals.lead_source", "leads.lead_source", "history.lead_source"]
CREATED = ["deals.created_at", "history.created_at"]
OWNER = ["deals.owner_id", "history.owner_id"]
LEAD_OF_DEAL = ["deals.lead_id", "leads.converted_deal_id"]

#: Suite and rule → what a source must deliver: of each line one column.
NEEDS: dict[str, list[list[str]]] = {
    "deals.past_close_date": [EXPECTED],
    "deals.missing_close_date": [EXPECTED],
    "deals.pushed_too_often": [EXPECTED],
    "deals.missing_amount": [AMOUNT],
    "deals.won_without_amount": [AMOUNT],
    "deals.negative_amount": [AMOUNT],
    "deals.amount_outlier": [AMOUNT],
    "deals.missing_owner": [OWNER],
    "deals.missing_account": [ACCOUNT],
    "deals.missing_required_field": [[*DEAL_NAME, *LEAD_OF_DEAL, *LEAD_SOURCE, "accounts.segment"]],
    "deals.no_next_activity": [["activities.due_at"]],
    "deals.inactive_owner": [OWNER, ["owners.owner_id"]],
    "deals.lost_without_reason": [["deals.lost_reason", "history.lost_reason"]],
    "deals.closed_before_lead": [["leads.created_at"], LEAD_OF_DEAL],
    "deals.duplicate_deal": [ACCOUNT, DEAL_NAME, AMOUNT],
    "deals.missing_exchange_rate": [AMOUNT],
    "deals.closed_before_created": [CREATED],
    "deals.created_in_future": [CREATED],
    "leads.unanswered_lead": [["leads.created_at"], ["activities.lead_id"]],
    "leads.inactive_owner": [["leads.owner_id"], ["owners.owner_id"]],
    "leads.converted_without_deal": [LEAD_OF_DEAL],
    "leads.duplicate_lead": [["leads.email"]],
    "activities.orphan_activity": [["activities.deal_id", "activities.lead_id", "activities.account_id"]],
    "activities.future_activity_done": [["activities.completed_at", "activities.due_at"]],
}


def not_applied(feeds: list[Feed]) -> set[str]:
    """The rules, as `<suite>.<rule>`, that do not apply to a source with these feeds."""
    delivered = {column for feed in feeds for delivery in feed.judged(Planted()) for column in _filled(feed, delivery)}
    return {rule for rule, needs in NEEDS.items() if not all(delivered & set(one_of) for one_of in needs)}


def _filled(feed: Feed, delivery: Delivery) -> set[str]:
    """The columns in which something stands, and the fields of which a log has something to say."""
    filled = {
        f"{feed.entity}.{column}" for column in delivery.columns for row in delivery.rows if row.get(column, "").strip()
    }
    if feed.entity == "deal_versions":
        filled |= {column.replace("deal_versions", "history") for column in filled}
    if feed.entity == "deal_changes":
        filled |= {f"history.{row['field']}" for row in delivery.rows if row["new_value"] and row["field"]}
    return filled
