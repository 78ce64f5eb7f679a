"""The words of a filter: functions whose cost is bounded by the row that they look at.

Those that make a text or a list of any length from a number (repeat, lpad, rpad, range, …) are not
among them: the engine computes constants before it looks at a row.
"""

from __future__ import annotations

FUNCTIONS = frozenset(
    """
    abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh cot degrees exp floor gcd isnan
    iszero lcm ln log log10 log2 nanvl pi pow power radians round sign signum sin sinh sqrt tan tanh
    trunc greatest least coalesce nullif nvl nvl2 ifnull
    ascii bit_length btrim char_length character_length concat concat_ws contains ends_with initcap
    instr left length levenshtein lower ltrim octet_length position regexp_count regexp_like
    regexp_match reverse right rtrim split_part starts_with strpos substr substring trim upper
    array_any_value array_contains array_distinct array_element array_empty array_extract array_has
    array_has_all array_has_any array_length array_max array_min array_position array_sort
    array_to_string cardinality empty list_contains list_element list_extract list_has list_has_all
    list_has_any list_length list_position list_to_string make_array make_list
    get_field named_struct struct
    cast try_cast now date_part date_trunc extract to_date to_timestamp
    """.split()
)
KEYWORDS = frozenset(
    """
    all and any between both by case collate distinct else end escape false from ilike in is leading
    like not null or regexp rlike similar some then to trailing true unknown when xor div for at
    time zone
    """.split()
)
TYPES = frozenset(
    "bigint binary boolean char date decimal double float int integer interval numeric precision "
    "real smallint string text time timestamp tinyint unsigned varchar".split()
)
TYPED_TEXTS = frozenset(["date", "interval", "time", "timestamp"])
"""Types whose values are written as a text: DATE '2020-01-01'."""
