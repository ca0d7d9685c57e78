"""The models on Spark: the same dbt project, over the same lake, for those whose data outgrow one machine.

`requirements` says what is missing, `session` opens the one session of a night, `sources` shows it the lake and the
configuration, `build` has dbt build there, `results` brings what is published, and what judges it, into the DuckDB file
of the night: from there on everything is as without Spark. Nothing here is imported by a night on DuckDB.
"""
