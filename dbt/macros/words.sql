{# The words that staging knows of a column which says one of a few things, as a SQL list; a mapping's `values` lead there. #}
{% macro known_words(meaning) -%}
    {%- set words = {
        'status': ['open', 'won', 'lost', 'deleted'],
        'outbound': ['outbound', 'outgoing', 'out'],
        'inbound': ['inbound', 'incoming', 'in'],
        'no direction': ['internal', 'none'],
    }[meaning] -%}
    ({%- for word in words -%}'{{ word }}'{{ ', ' if not loop.last }}{%- endfor -%})
{%- endmacro %}

{#
    The type of an activity in one spelling, whatever the CRM writes; what is none of these is left as it is. Only for whoever
    looks at activities of several CRMs: what answers a lead is said by each mapping, in the CRM's words.
#}
{% macro one_spelling(activity_type) -%}
    {%- set spellings = {
        'call': [
            'call', 'calls', 'phone call', 'phonecall', 'phone', 'telephone', 'anruf', 'telefonat', 'appel', 'llamada', 'звонок'
        ],
        'email': ['email', 'emails', 'e-mail', 'e-mails', 'mail', 'courriel', 'correo', 'correo electrónico', 'письмо'],
        'meeting': [
            'meeting', 'meetings', 'appointment', 'event', 'termin', 'besprechung', 'réunion', 'rendez-vous', 'reunión',
            'встреча'
        ],
        'task': ['task', 'tasks', 'to-do', 'todo', 'to do', 'aufgabe', 'tâche', 'tarea', 'задача'],
        'note': ['note', 'notes', 'notiz', 'nota', 'заметка'],
    } -%}
    case
        {%- for spelling, words in spellings.items() %}
        when lower({{ activity_type }}) in ('{{ words | join("', '") }}') then '{{ spelling }}'
        {%- endfor %}
        else {{ activity_type }}
    end
{%- endmacro %}
