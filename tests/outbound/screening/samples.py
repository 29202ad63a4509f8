"""Small lists in the layout of each publisher; invented parties."""

from tidegate.outbound.screening.formats import ListFiles
from tidegate.outbound.screening.reading import SourceFile

OFAC_ENTRIES = (
    b'36,"ZYXAL AIRLINES, S.A.",-0- ,"CUBA] [SDGT",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"a.k.a. \'ZA\'."\r\n'
    b'173,"QORVIN, Jane Mary","individual","CYBER2",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,'
    b'"DOB 17 Feb 1974; alt. DOB circa 1975; POB Bern; nationality Russia; citizen Switzerland."\r\n'
    b'306,"SEA STAR","vessel","DPRK",-0- ,"XY",-0- ,-0- ,-0- ,"Panama",-0- ,-0- \r\n\x1a'
)
OFAC_ALIASES = b'36,12,"aka","ZYXAL-AIR",-0- \r\n173,13,"fka","QORWIN, Jane",-0- \r\n'
OFAC_ADDRESSES = b'36,25,-0- ,"Havana","Cuba",-0- \r\n173,26,"Street 1","Bern","undetermined",-0- \r\n'

UN = """<?xml version="1.0" encoding="utf-8"?>
<CONSOLIDATED_LIST xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" dateGenerated="2026-08-27T15:30:20.000Z">
  <INDIVIDUALS>
    <INDIVIDUAL>
      <DATAID>6908443</DATAID><VERSIONNUM>1</VERSIONNUM>
      <FIRST_NAME>JANE</FIRST_NAME><SECOND_NAME>MARY</SECOND_NAME><THIRD_NAME>QORVIN</THIRD_NAME>
      <UN_LIST_TYPE>Exampleland</UN_LIST_TYPE><REFERENCE_NUMBER>EXi.001</REFERENCE_NUMBER>
      <NAME_ORIGINAL_SCRIPT>Джейн Корвин</NAME_ORIGINAL_SCRIPT>
      <NATIONALITY><VALUE>Russian Federation</VALUE></NATIONALITY>
      <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Jean Qorvin</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY><ALIAS_NAME>The Star</ALIAS_NAME></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
      <INDIVIDUAL_ADDRESS><COUNTRY>Switzerland</COUNTRY></INDIVIDUAL_ADDRESS>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1974-02-17</DATE></INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1970</FROM_YEAR><TO_YEAR>1973</TO_YEAR>
      </INDIVIDUAL_DATE_OF_BIRTH>
      <SORT_KEY/>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES>
    <ENTITY>
      <DATAID>110403</DATAID><FIRST_NAME>ZYXAL TRADING</FIRST_NAME><UN_LIST_TYPE>Exampleland</UN_LIST_TYPE>
      <ENTITY_ALIAS><QUALITY>a.k.a.</QUALITY><ALIAS_NAME>ZTC</ALIAS_NAME></ENTITY_ALIAS>
      <ENTITY_ADDRESS><COUNTRY>Democratic People's Republic of Korea</COUNTRY></ENTITY_ADDRESS>
    </ENTITY>
  </ENTITIES>
</CONSOLIDATED_LIST>
""".encode()

EU = b"""<?xml version="1.0" encoding="UTF-8"?>
<export xmlns="http://eu.europa.ec/fpi/fsd/export" generationDate="2026-08-26T10:00:00.000+02:00" globalFileId="1">
  <sanctionEntity designationDetails="" unitedNationId="" euReferenceNumber="EU.27.28" logicalId="13">
    <regulation regulationType="amendment" programme="EXL"><publicationUrl>https://example.invalid</publicationUrl>
    </regulation>
    <subjectType code="person" classificationCode="P"/>
    <nameAlias firstName="" middleName="" lastName="" wholeName="The Star" strong="false"/>
    <nameAlias firstName="Jane" middleName="Mary" lastName="Qorvin" wholeName="Jane Mary Qorvin" strong="true"/>
    <nameAlias firstName="Jean" middleName="" lastName="Qorvin" wholeName="" strong="true"/>
    <citizenship region="" countryIso2Code="RU" countryDescription="RUSSIAN FEDERATION"/>
    <birthdate circa="false" birthdate="1974-02-17" year="1974" monthOfYear="2" dayOfMonth="17" countryIso2Code="00"/>
    <birthdate circa="true" year="1975" monthOfYear="3" yearRangeFrom="1970" yearRangeTo="1976"/>
    <address city="Bern" countryIso2Code="CH" countryDescription="SWITZERLAND"/>
  </sanctionEntity>
  <sanctionEntity logicalId="14">
    <subjectType code="enterprise" classificationCode="E"/>
    <nameAlias wholeName="Zyxal Trading &amp; Co" strong="true"/>
  </sanctionEntity>
</export>
"""

SECO = """<?xml version="1.0" encoding="UTF-8"?>
<swiss-sanctions-list list-type="whole-list" date="2026-08-25">
  <sanctions-program ssid="20">
    <program-key lang="ger">Beispielland</program-key><program-key lang="eng">Exampleland</program-key>
    <sanctions-set ssid="43" lang="eng">article 12</sanctions-set>
  </sanctions-program>
  <target ssid="100"><sanctions-set-id>43</sanctions-set-id>
    <individual>
      <identity ssid="102" main="false">
        <name name-type="alias" quality="low"><name-part order="1" name-part-type="whole-name"><value>The Star</value>
        </name-part></name>
      </identity>
      <identity ssid="101" main="true">
        <name name-type="primary-name" quality="good">
          <name-part order="2" name-part-type="given-name"><value>Jane</value></name-part>
          <name-part order="1" name-part-type="family-name"><value>Qorvin</value>
            <spelling-variant lang="RUS" script="CYRL">Корвин</spelling-variant></name-part>
        </name>
        <day-month-year day="17" month="2" year="1974"/><day-month-year year="1975"/>
        <nationality><country iso-code="RU">Russia</country></nationality>
      </identity>
      <justification>Sample.</justification>
    </individual>
    <modification modification-type="de-listed" effective-date="2020-01-01">
      <added><identity main="true"><name name-type="primary-name"><name-part order="1"><value>Old Name</value>
      </name-part></name></identity></added>
    </modification>
    <modification modification-type="listed" effective-date="2021-02-29"/>
  </target>
  <target ssid="200">
    <object object-type="vessel"><identity main="true"><name name-type="primary-name"><name-part order="1">
      <value>Sea Star</value></name-part></name></identity></object>
    <modification modification-type="listed" effective-date="2021-01-01"/>
  </target>
  <target ssid="300">
    <entity><identity main="true"><name name-type="primary-name"><name-part order="1"><value>Gone Bank</value>
    </name-part></name></identity></entity>
    <modification modification-type="de-listed" effective-date="2022-01-01"/>
    <modification modification-type="listed" effective-date="2012-01-01"/>
  </target>
</swiss-sanctions-list>
""".encode()

OWN_TABLE = (
    b"id,name,aliases,kind,birth_dates,countries,remark\n"
    b'1,"Qorvin, Jane",Jean Qorvin; The Star,person,1974-02-17;1975,RU;Switzerland,x\n'
    b"2,Zyxal Trading,,,,,\n"
)
OWN_JSON = b"""{"entries": [
  {"id": "1", "name": "Qorvin, Jane", "aliases": ["Jean Qorvin"], "kind": "PERSON", "birth_dates": ["1974-02"],
   "countries": ["RU"], "programmes": ["OWN"]},
  {"id": "2", "name": "Zyxal Trading"}]}"""


def a_file(content: bytes, name: str = "list") -> SourceFile:
    """A file as it is handed in."""
    return SourceFile(name, content)


def files_of(content: bytes, columns: dict[str, str] | None = None) -> ListFiles:
    """The files of a list that is one file."""
    return ListFiles(a_file(content), columns=columns or {})


def ofac_files(
    entries: bytes = OFAC_ENTRIES, aliases: bytes = OFAC_ALIASES, *, addresses: bytes = OFAC_ADDRESSES
) -> ListFiles:
    """The three tables of OFAC."""
    return ListFiles(a_file(entries, "sdn.csv"), a_file(aliases, "alt.csv"), a_file(addresses, "add.csv"))
