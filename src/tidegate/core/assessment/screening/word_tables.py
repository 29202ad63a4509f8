"""Words that carry little or nothing of a name, and words that are one: general tables, Latin letters, lower case."""

from collections.abc import Mapping, Sequence
from typing import Final

_LEGAL_FORMS: Final = """
ab, ad, ae, ag, ao, aps, asa, bhd, bv, bvba, cjsc, co, company, corp, corporation, cv, doo, dd, eood, ev, fze, fzc,
fzco, fz llc, gie, gmbh, gmbh co kg, inc, incorporated, ik, jsc, kd, kft, kg, kgaa, kk, kb, lda, limitada, limited,
limited company, limited liability company, limited liability partnership, limited partnership, llc, llp, lp, lllp,
ltd, ltda, ltee, mchj, mmc, nv, oao, ood, ooo, ojsc, oy, oyj, pao, pc, pjsc, plc, pllc, psc, pt, pte, pty, qsc, rt,
sa, sae, sal, sarl, sas, sasu, sca, scrl, sdn, se, sicav, sk, slu, snc, soe, spa, sp z oo, sp z o o, spzoo, srl, sro,
sprl, tbk, tov, unltd, vof, wll, zao, zrt, tdv, joint stock company, open joint stock company, public joint stock
company, closed joint stock company, private joint stock company, public limited company, private limited, private
limited company, aktiengesellschaft, aktiebolag, aktieselskab, aksjeselskap, anonim sirketi, besloten vennootschap,
naamloze vennootschap, gesellschaft mit beschrankter haftung, kommanditgesellschaft, offene handelsgesellschaft,
osakeyhtio, perseroan terbatas, sociedad anonima, sociedad de responsabilidad limitada, sociedade anonima, societa a
responsabilita limitata, societa per azioni, societatea cu raspundere limitata, societe a responsabilite limitee,
societe anonyme, societe par actions simplifiee, sociedad limitada, spolka akcyjna, spolka z ograniczona
odpowiedzialnoscia, spolecnost s rucenim omezenym, obshchestvo s ogranichennoy otvetstvennostyu, aktsionernoe
obshchestvo, otkrytoe aktsionernoe obshchestvo, publichnoe aktsionernoe obshchestvo, zakrytoe aktsionernoe
obshchestvo, tovarystvo z obmezhenoyu vidpovidalnistyu, limited sirketi, ltd sti, anonim sti, eingetragener verein
"""

_TITLES: Final = """
mr, mrs, ms, miss, mister, madame, mme, monsieur, mlle, herr, frau, senor, senora, don, dona, dr, doctor, prof,
professor, sir, dame, lord, lady, hon, honourable, excellency, president, prasident, presidente, minister, senator,
general, gen, colonel, col, captain, capt, major, maj, lieutenant, lt, brigadier, commander, admiral, sheikh, shaikh,
shaykh, sheik, hajji, haji, hajj, hadji, mullah, mulla, mawlawi, maulavi, maulana, mawlana, ayatollah, imam, sayyid,
sayyed, syed, emir, mv, mt, ss, vessel
"""

_PARTICLES: Final = """
an, the, of, for, and, und, et, in, de, del, della, des, der, den, dem, di, da, do, dos, das, du, la, le, les, lo,
los, las, van, von, vom, zu, zum, ter, ten, te, al, bin, bint, abu, umm, na, nee
"""

ONE_WORD: Final[Mapping[str, str]] = {
    **dict.fromkeys(("el", "ul", "al"), "al"),
    **dict.fromkeys(("ibn", "ben", "bin"), "bin"),
    **dict.fromkeys(("binte", "binti", "bent", "bint"), "bint"),
    **dict.fromkeys(("abou", "abo", "abu"), "abu"),
    **dict.fromkeys(("intl", "international", "internationale", "internacional"), "international"),
    **dict.fromkeys(("grp", "group", "gruppe", "groupe", "grupo", "gruppo"), "group"),
    **dict.fromkeys(("bros", "brothers"), "brothers"),
    **dict.fromkeys(("mfg", "manufacturing"), "manufacturing"),
    **dict.fromkeys(("natl", "national"), "national"),
    **dict.fromkeys(("govt", "government"), "government"),
    **dict.fromkeys(("univ", "university"), "university"),
    **dict.fromkeys(("assn", "association"), "association"),
    **dict.fromkeys(("organisation", "organization"), "organization"),
}
"""Spellings and abbreviations of one word."""

_COUNTED: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
_RANKED: Final = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"

NUMBER_WORDS: Final[Mapping[str, str]] = {
    **{word: str(number) for number, word in enumerate(_COUNTED.split())},
    **{word: str(number) for number, word in enumerate(_RANKED.split())},
    **{word: str(number * 10) for number, word in enumerate(_TENS.split(), start=2)},
}
"""Numbers and ranks in words, as figures."""


def _phrases(table: str) -> tuple[tuple[str, ...], ...]:
    """Longest first, so that a form is not taken apart by a shorter one."""
    phrases = {tuple(phrase.split()) for phrase in table.replace("\n", " ").split(",") if phrase.strip()}
    return tuple(sorted(phrases, key=lambda phrase: (-len(phrase), phrase)))


_FORMS: Final = _phrases(_LEGAL_FORMS)
PHRASES_BY_WORD: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    longest: tuple(phrase for phrase in _FORMS if len(phrase) > 1 and max(phrase, key=len) == longest)
    for longest in {max(phrase, key=len) for phrase in _FORMS if len(phrase) > 1}
}
"""Legal forms of several words, by the longest of them; the order of the words in a name does not matter."""

EMPTY_WORDS: Final = frozenset(phrase[0] for phrase in _FORMS if len(phrase) == 1)
"""Legal forms of one word: left out of a name, unless nothing else is in it."""

LIGHT_WORDS: Final = frozenset(phrase[0] for phrase in (*_phrases(_PARTICLES), *_phrases(_TITLES)))
"""Articles, prepositions, the small words of family names, and titles: of little weight."""
