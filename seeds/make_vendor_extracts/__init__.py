"""Makes `seeds/vendor_extracts`: small exports as Zoho CRM and Dynamics 365 Sales write them, from a fixed seed."""
