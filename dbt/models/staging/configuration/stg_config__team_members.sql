select * from {{ source('config', 'team_members') }}
