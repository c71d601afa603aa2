"""Country codes a test takes for excluded: the European Union and what the policy for it adds."""

EU = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK AX GF GP MF MQ RE YT".split()  # noqa: SIM905
)
EEA = frozenset(["IS", "LI", "NO"])
STATUTE_EXTENDED = frozenset(["BL", "CP", "NC", "PF", "PM", "SJ", "TF", "WF"])

EXCLUDED = EU | EEA | STATUTE_EXTENDED
