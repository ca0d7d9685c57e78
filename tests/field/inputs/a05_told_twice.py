"""One change told by two rows of one moment, in names and in ids: it is one, told in ids."""

from tests.field.world import Expected, Input

_CHANGES = (
    "select deal_key, field, old_value, new_value, strftime(changed_at, '%m-%d') from marts.fct_deal_changes"
    " where source = '{source}' and field in ('owner', 'pipeline')"
)

INPUTS = (
    Input(
        kind="A5",
        source="a05_field_history",
        says="owner and record type, in either order, no column tells the kind of a row; two hand-overs are two",
        config="""
            vendor: salesforce
            timezone: UTC
            currency: EUR
            pipelines: [{name: "0120001", template: salesforce}, {name: "0120002", template: salesforce}]
        """,
        files={
            "2026-02-01/User.csv": """
                Id,Username,FirstName,LastName,Email,IsActive
                005A,a,Anna,Arndt,a@x.com,1
                005B,b,Bot7,,b@x.com,1
                005C,c,Cleo,Claes,c@x.com,1
            """,
            "2026-02-01/OpportunityFieldHistory.csv": """
                Id,OpportunityId,CreatedDate,Field,OldValue,NewValue
                1,006A,2026-01-02 09:00:00,created,,
                2,006A,2026-01-10 09:00:00,Owner,Anna Arndt,Bot7
                3,006A,2026-01-10 09:00:00,Owner,005A,005B
                4,006A,2026-01-12 09:00:00,RecordType,0120001,0120002
                5,006A,2026-01-12 09:00:00,RecordType,New Business,Renewal
                6,006A,2026-01-13 09:00:00,StageName,Prospecting,Qualification
                7,006B,2026-01-02 09:00:00,created,,
                8,006B,2026-01-10 09:00:00,Owner,005B,005C
                9,006B,2026-01-10 09:00:00,Owner,005A,005B
                10,006B,2026-01-13 09:00:00,StageName,Prospecting,Qualification
                11,006C,2026-01-02 09:00:00,created,,
                12,006C,2026-01-10 09:00:00,Owner,Anna Arndt,Cleo Claes
                13,006C,2026-01-13 09:00:00,StageName,Prospecting,Qualification
            """,
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,RecordTypeId,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,a,0120002,Qualification,100,2026-03-20 00:00:00,0,0,005B,2026-01-02 09:00:00
                006B,0,b,0120001,Qualification,100,2026-03-20 00:00:00,0,0,005C,2026-01-02 09:00:00
                006C,0,c,0120001,Qualification,100,2026-03-20 00:00:00,0,0,005C,2026-01-02 09:00:00
            """,
        },
        expected=(
            Expected(
                _CHANGES,
                """
                a05_field_history:006A | owner    | a05_field_history:005A | a05_field_history:005B | 01-10
                a05_field_history:006A | pipeline | 0120001 | 0120002 | 01-12
                a05_field_history:006B | owner    | a05_field_history:005A | a05_field_history:005B | 01-10
                a05_field_history:006B | owner    | a05_field_history:005B | a05_field_history:005C | 01-10
                a05_field_history:006C | owner    | a05_field_history:Anna Arndt | a05_field_history:Cleo Claes | 01-10
                """,
            ),
        ),
    ),
    Input(
        kind="A5",
        source="a05_said_by_the_row",
        says="the column that says which row holds ids goes before how the values look; names are no pipelines",
        config="""
            vendor: salesforce
            timezone: UTC
            currency: EUR
        """,
        files={
            "2026-02-01/OpportunityFieldHistory.csv": """
                Id,OpportunityId,CreatedDate,Field,DataType,OldValue,NewValue
                1,006A,2026-01-02 09:00:00,created,Text,,
                2,006A,2026-01-10 09:00:00,Owner,Text,agent007,agent008
                3,006A,2026-01-10 09:00:00,Owner,EntityId,005A,005B
                4,006A,2026-01-12 09:00:00,RecordType,EntityId,0120001,0120002
                5,006A,2026-01-12 09:00:00,RecordType,Text,Sales2025,Sales2026
                6,006A,2026-01-13 09:00:00,StageName,DynamicEnum,Prospecting,Qualification
                7,006B,2026-01-02 09:00:00,created,Text,,
                8,006B,2026-01-10 09:00:00,Owner,EntityId,005A,005B
                9,006B,2026-01-10 09:00:00,Owner,EntityId,005B,005C
                10,006B,2026-01-10 09:00:00,Owner,Text,agent007,agent008
                11,006B,2026-01-10 09:00:00,Owner,Text,agent008,agent009
                12,006B,2026-01-13 09:00:00,StageName,DynamicEnum,Prospecting,Qualification
            """,
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,RecordTypeId,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,a,0120002,Qualification,100,2026-03-20 00:00:00,0,0,005B,2026-01-02 09:00:00
                006B,0,b,0120002,Qualification,100,2026-03-20 00:00:00,0,0,005C,2026-01-02 09:00:00
            """,
        },
        expected=(
            Expected(
                _CHANGES,
                """
                a05_said_by_the_row:006A | owner    | a05_said_by_the_row:005A | a05_said_by_the_row:005B | 01-10
                a05_said_by_the_row:006A | pipeline | 0120001 | 0120002 | 01-12
                a05_said_by_the_row:006B | owner    | a05_said_by_the_row:005A | a05_said_by_the_row:005B | 01-10
                a05_said_by_the_row:006B | owner    | a05_said_by_the_row:005B | a05_said_by_the_row:005C | 01-10
                """,
            ),
            Expected(
                "select distinct pipeline from marts.dim_stages where source = '{source}'",
                """
                default
                0120001
                0120002
                """,
            ),
        ),
    ),
    Input(
        kind="A5",
        source="a05_entity_history",
        says="the weekly export's changes of all objects, by names and ids in columns of their kind",
        config="""
            vendor: salesforce
            timezone: UTC
            currency: EUR
        """,
        files={
            "2026-02-01/EntityHistory.csv": """
                Id,ParentId,ParentSobjectType,FieldName,OldvalString,NewvalString,OldvalNumber,NewvalNumber,OldvalDate,NewvalDate,CreatedDate,IsDeleted
                1,006A,Opportunity,Owner,Anna Arndt,Bo Berg,,,,,2026-01-10 09:00:00,0
                2,006A,Opportunity,Owner,005A,005B,,,,,2026-01-10 09:00:00,0
                3,006A,Opportunity,RecordType,0120001,0120002,,,,,2026-01-12 09:00:00,0
                4,006A,Opportunity,RecordType,New Business,Renewal,,,,,2026-01-12 09:00:00,0
                5,006A,Opportunity,StageName,Prospecting,Qualification,,,,,2026-01-13 09:00:00,0
                6,006A,Opportunity,Amount,,,50,100,,,2026-01-14 09:00:00,0
                7,001A,Account,Owner,005A,005B,,,,,2026-01-10 09:00:00,0
            """,
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,RecordTypeId,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,a,0120002,Qualification,100,2026-03-20 00:00:00,0,0,005B,2026-01-02 09:00:00
            """,
        },
        expected=(
            Expected(
                _CHANGES,
                """
                a05_entity_history:006A | owner    | a05_entity_history:005A | a05_entity_history:005B | 01-10
                a05_entity_history:006A | pipeline | 0120001 | 0120002 | 01-12
                """,
            ),
            Expected(
                "select distinct pipeline from marts.dim_stages where source = '{source}'",
                """
                default
                0120001
                0120002
                """,
            ),
        ),
    ),
)
