"""The sample extracts: three invented businesses, what their CRMs would export, and the dirt planted in them.

    python -m seeds.make_extracts [--out seeds/extracts]

clock → business → lives → activity_log → leads   the clean world: who sells what to whom, and when
cases → crafting                         deals and activities made to measure: violations and near misses
salesforce, pipedrive, field_sheet       the world as each CRM writes it on the day of a delivery
spoiled_cells, spoiled_files             what goes wrong on the way out: cells, rows, whole files
check                                    reads the files again and finds the violations, not knowing the plan
"""
