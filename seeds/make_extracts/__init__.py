"""The sample extracts: four invented businesses, what their CRMs would export, and the dirt planted in them.

    python -m seeds.make_extracts [--out seeds/extracts]

clock → business → lives
      → activity_log → leads             the clean world: who sells what to whom, and when
between_nights                           what happens while the extracts are made, so that these have a history to tell
money                                    what customers pay, and what finding them costs
cases → crafting                         deals and activities made to measure: violations and near misses
salesforce, pipedrive, field_sheet,
hubspot                                  the world as each CRM writes it on the day of a delivery
tenders                                  a small list of the field team's, saved on more evenings than the rest
spoiled_leads, spoiled_cells,
spoiled_files                            what goes wrong on the way out: cells, rows, whole files
check, check_agreement                   read the files again and find the violations, not knowing the plan
"""
