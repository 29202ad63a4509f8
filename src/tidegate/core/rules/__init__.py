"""The rule language that the order gate and the assessment desk share: parse, type-check, compile, evaluate, explain.

What it means stands in `operators` (one function an operator) and `evaluate` (the plain interpreter); `compile` is the
fast form that a property test holds to it. Bounds stand in `limits`. Nothing here imports a library: RE2 and CEL enter
as functions, bundled in `parse.Engines`.

Checking a rule when it is saved, and keeping its tree::

    read_json(body)                                            json_exact    JSON text -> values, numbers as Decimal
    parse_condition(condition, vocabulary,
        inputs=RuleInputs(params, list_names),
        engines=Engines(regex, cel)) -> Condition              parse         raises InvalidRule(faults) with every fault
    GATE_VOCABULARY, DESK_VOCABULARY                           vocabularies

Evaluating one version of a rule set::

    compile_rules([ScopedRule(rule_id, condition, scope)],
        lists=lists) -> CompiledRules                          compile
    rules.evaluate(lookup, now=instant,
        attributes={"symbol": "BTCUSDT"}) -> Evaluation        .results() .fired() .unknown() .explained() .explain(id)
    instant_of(datetime) -> Instant                            instants
    nested_lookup(request) -> Lookup                           lookup        over a flat mapping, `mapping.get` will do

One condition, without compiling::

    evaluate(condition, lookup, now=instant, lists=lists) -> Truth
    explain(condition, lookup, now=instant, lists=lists) -> tuple[LeafResult, ...]
    leaf_sentence(leaf) -> str                                 sentences
    counterfactuals(condition, lookup, now=instant)            counterfactuals
    evaluate_document(document, engines=engines) -> dict       document      the contract of `tidegate rules eval`

A lookup gives a value, `None` for a missing (or null) field, or `values.UNAVAILABLE` for a field of a provider that
did not answer. A `Truth` has three values and refuses to be used as a bool.
"""
