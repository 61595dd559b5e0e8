"""The languages of Whisper, which OpenAI's API takes by code and tells by name. A table."""

from __future__ import annotations

_BY_CODE = """
af=afrikaans am=amharic ar=arabic as=assamese az=azerbaijani ba=bashkir be=belarusian bg=bulgarian bn=bengali
bo=tibetan br=breton bs=bosnian ca=catalan cs=czech cy=welsh da=danish de=german el=greek en=english es=spanish
et=estonian eu=basque fa=persian fi=finnish fo=faroese fr=french gl=galician gu=gujarati ha=hausa haw=hawaiian
he=hebrew hi=hindi hr=croatian ht=haitian_creole hu=hungarian hy=armenian id=indonesian is=icelandic it=italian
ja=japanese jw=javanese ka=georgian kk=kazakh km=khmer kn=kannada ko=korean la=latin lb=luxembourgish ln=lingala
lo=lao lt=lithuanian lv=latvian mg=malagasy mi=maori mk=macedonian ml=malayalam mn=mongolian mr=marathi ms=malay
mt=maltese my=myanmar ne=nepali nl=dutch nn=nynorsk no=norwegian oc=occitan pa=punjabi pl=polish ps=pashto
pt=portuguese ro=romanian ru=russian sa=sanskrit sd=sindhi si=sinhala sk=slovak sl=slovenian sn=shona so=somali
sq=albanian sr=serbian su=sundanese sv=swedish sw=swahili ta=tamil te=telugu tg=tajik th=thai tk=turkmen tl=tagalog
tr=turkish tt=tatar uk=ukrainian ur=urdu uz=uzbek vi=vietnamese yi=yiddish yo=yoruba yue=cantonese zh=chinese
"""
_NAMES = {code: name.replace("_", " ") for code, _, name in (each.partition("=") for each in _BY_CODE.split())}
_CODES = {name: code for code, name in _NAMES.items()}


def name_of(code: str) -> str:
    """ "de" as "german"; a code that is not known as it is."""
    return _NAMES.get(code, code)


def code_of(language: str) -> str:
    """The code of a language that is given by code or by name, in whatever letters."""
    plain = language.strip().lower()
    return _CODES.get(plain, plain)
