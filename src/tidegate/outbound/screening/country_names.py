"""Countries as lists write them: the short names of ISO 3166-1, and what authorities write instead."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from tidegate.core.assessment.countries import COUNTRY_CODES

_NAMES: Final = """
AD Andorra; AE United Arab Emirates; AF Afghanistan; AG Antigua and Barbuda; AI Anguilla; AL Albania; AM Armenia; AO
Angola; AQ Antarctica; AR Argentina; AS American Samoa; AT Austria; AU Australia; AW Aruba; AX Åland Islands; AZ
Azerbaijan; BA Bosnia and Herzegovina; BB Barbados; BD Bangladesh; BE Belgium; BF Burkina Faso; BG Bulgaria; BH
Bahrain; BI Burundi; BJ Benin; BL Saint Barthélemy; BM Bermuda; BN Brunei Darussalam; BO Bolivia, Plurinational State
of; BQ Bonaire, Sint Eustatius and Saba; BR Brazil; BS Bahamas; BT Bhutan; BV Bouvet Island; BW Botswana; BY Belarus;
BZ Belize; CA Canada; CC Cocos (Keeling) Islands; CD Congo, The Democratic Republic of the; CF Central African
Republic; CG Congo; CH Switzerland; CI Côte d'Ivoire; CK Cook Islands; CL Chile; CM Cameroon; CN China; CO Colombia;
CR Costa Rica; CU Cuba; CV Cabo Verde; CW Curaçao; CX Christmas Island; CY Cyprus; CZ Czechia; DE Germany; DJ
Djibouti; DK Denmark; DM Dominica; DO Dominican Republic; DZ Algeria; EC Ecuador; EE Estonia; EG Egypt; EH Western
Sahara; ER Eritrea; ES Spain; ET Ethiopia; FI Finland; FJ Fiji; FK Falkland Islands (Malvinas); FM Micronesia,
Federated States of; FO Faroe Islands; FR France; GA Gabon; GB United Kingdom; GD Grenada; GE Georgia; GF French
Guiana; GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland; GM Gambia; GN Guinea; GP Guadeloupe; GQ Equatorial Guinea;
GR Greece; GS South Georgia and the South Sandwich Islands; GT Guatemala; GU Guam; GW Guinea-Bissau; GY Guyana; HK
Hong Kong; HM Heard Island and McDonald Islands; HN Honduras; HR Croatia; HT Haiti; HU Hungary; ID Indonesia; IE
Ireland; IL Israel; IM Isle of Man; IN India; IO British Indian Ocean Territory; IQ Iraq; IR Iran, Islamic Republic
of; IS Iceland; IT Italy; JE Jersey; JM Jamaica; JO Jordan; JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI
Kiribati; KM Comoros; KN Saint Kitts and Nevis; KP Korea, Democratic People's Republic of; KR Korea, Republic of; KW
Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Lao People's Democratic Republic; LB Lebanon; LC Saint Lucia; LI
Liechtenstein; LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia; LY Libya; MA Morocco; MC
Monaco; MD Moldova, Republic of; ME Montenegro; MF Saint Martin (French part); MG Madagascar; MH Marshall Islands; MK
North Macedonia; ML Mali; MM Myanmar; MN Mongolia; MO Macao; MP Northern Mariana Islands; MQ Martinique; MR
Mauritania; MS Montserrat; MT Malta; MU Mauritius; MV Maldives; MW Malawi; MX Mexico; MY Malaysia; MZ Mozambique; NA
Namibia; NC New Caledonia; NE Niger; NF Norfolk Island; NG Nigeria; NI Nicaragua; NL Netherlands; NO Norway; NP Nepal;
NR Nauru; NU Niue; NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea; PH
Philippines; PK Pakistan; PL Poland; PM Saint Pierre and Miquelon; PN Pitcairn; PR Puerto Rico; PS Palestine, State
of; PT Portugal; PW Palau; PY Paraguay; QA Qatar; RE Réunion; RO Romania; RS Serbia; RU Russian Federation; RW Rwanda;
SA Saudi Arabia; SB Solomon Islands; SC Seychelles; SD Sudan; SE Sweden; SG Singapore; SH Saint Helena, Ascension and
Tristan da Cunha; SI Slovenia; SJ Svalbard and Jan Mayen; SK Slovakia; SL Sierra Leone; SM San Marino; SN Senegal; SO
Somalia; SR Suriname; SS South Sudan; ST Sao Tome and Principe; SV El Salvador; SX Sint Maarten (Dutch part); SY
Syrian Arab Republic; SZ Eswatini; TC Turks and Caicos Islands; TD Chad; TF French Southern Territories; TG Togo; TH
Thailand; TJ Tajikistan; TK Tokelau; TL Timor-Leste; TM Turkmenistan; TN Tunisia; TO Tonga; TR Türkiye; TT Trinidad
and Tobago; TV Tuvalu; TW Taiwan, Province of China; TZ Tanzania, United Republic of; UA Ukraine; UG Uganda; UM United
States Minor Outlying Islands; US United States; UY Uruguay; UZ Uzbekistan; VA Holy See (Vatican City State); VC Saint
Vincent and the Grenadines; VE Venezuela, Bolivarian Republic of; VG Virgin Islands, British; VI Virgin Islands, U.S.;
VN Viet Nam; VU Vanuatu; WF Wallis and Futuna; WS Samoa; YE Yemen; YT Mayotte; ZA South Africa; ZM Zambia; ZW
Zimbabwe; BO Bolivia; BN Brunei; CD Congo, Democratic Republic of the; CD Democratic Republic of the Congo; CG Congo,
Republic of the; CG Republic of the Congo; CI Cote d Ivoire; CI Ivory Coast; CV Cape Verde; CZ Czech Republic; FK
Falkland Islands; FM Micronesia; GB Great Britain; GB UK; GM The Gambia; BS Bahamas, The; IM Man, Isle of; IR Iran; IR
Islamic Republic of Iran; KP Korea, North; KP North Korea; KP DPRK; KP Democratic People's Republic of Korea; KR
Korea, South; KR South Korea; KR Republic of Korea; LA Laos; MD Moldova; MD Republic of Moldova; MK Macedonia; MK The
Former Yugoslav Republic of Macedonia; MM Burma; MO Macau; NL The Netherlands; PS Palestine; PS Palestinian; PS West
Bank; PS Region: Gaza; RU Russia; SH Saint Helena; SY Syria; SZ Swaziland; TL East Timor; TR Turkey; TR Turkiye; TW
Taiwan; TZ Tanzania; TZ United Republic of Tanzania; UA Region: Crimea; US USA; US United States of America; VA Holy
See; VA Vatican City; VE Venezuela; VG British Virgin Islands; VI United States Virgin Islands; VN Vietnam; XK Kosovo;
SD The Sudan; PH The Philippines; AE UAE; SV Republic of El Salvador; CN People's Republic of China; LY Libyan Arab
Jamahiriya; SA Kingdom of Saudi Arabia
"""


def country_of(text: str) -> str:
    """Give the ISO 3166-1 alpha-2 code of what a list writes (a code or an English name), or what it writes where
    nobody knows a code for it.
    """
    written = " ".join(text.split())
    if written.upper() in COUNTRY_CODES:
        return written.upper()
    return _CODES.get(_plain(written), written)


def countries_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the countries of several texts, each once, empty ones left out."""
    return tuple(dict.fromkeys(country_of(text) for text in texts if text.strip()))


def _plain(text: str) -> str:
    letters = (sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return "".join(sign if sign.isalnum() else " " for sign in letters).replace("  ", " ").strip()


def _read(table: str) -> dict[str, str]:
    rows = (row.split(maxsplit=1) for row in " ".join(table.split()).split(";"))
    return {_plain(name): code for code, name in rows}


_CODES: Final = _read(_NAMES)
