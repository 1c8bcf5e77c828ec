"""What the codes and types in providers' errors mean, whichever provider writes them, and in whichever spelling."""

import re
from enum import Enum, auto
from typing import Final

from engine.protocols.error_body import MINIMAX, ErrorBody


class Meaning(Enum):
    """What a code says went wrong. Its order is that in which several are believed."""

    TOO_LONG = auto()
    """The conversation does not fit the model."""
    FILTERED = auto()
    """A filter declined."""
    SPENT = auto()
    """The account has no credit."""
    LATER = auto()
    """A quota of a day or more is used up."""
    RATE = auto()
    """Too many calls or tokens for now."""
    OVERLOADED = auto()
    """The endpoint has too much load."""
    MODEL = auto()
    """There is no such model."""
    AUTHENTICATION = auto()
    """The key is wrong, or not allowed this."""
    TIMEOUT = auto()
    """The endpoint itself waited too long."""
    SERVER = auto()
    """The endpoint broke."""
    REQUEST = auto()
    """The endpoint does not accept what was asked."""


STATUSES: Final = {
    Meaning.TOO_LONG: 400,
    Meaning.FILTERED: 400,
    Meaning.SPENT: 402,
    Meaning.LATER: 429,
    Meaning.RATE: 429,
    Meaning.OVERLOADED: 503,
    Meaning.MODEL: 404,
    Meaning.AUTHENTICATION: 401,
    Meaning.TIMEOUT: 408,
    Meaning.SERVER: 500,
    Meaning.REQUEST: 400,
}
"""The HTTP status that each would have had, for errors that come inside a 200."""

_NAMES: Final = {
    Meaning.TOO_LONG: "promptistoolong prompttoolong inputtoolong tokenslimitreached requesttoolarge 1261",
    Meaning.FILTERED: (
        "contentfilter contentfiltered contentpolicyviolation contentblocked datainspectionfailed moderationblocked"
        " moderationerror responsibleaipolicyviolation safetycheckfailed cyberpolicy cyberpolicyviolation biopolicy"
        " misalignmentpolicyviolation prohibitedcontent sensitivewordsdetected promptblocked 1301"
        " baseresp1026 baseresp1027"
    ),
    Meaning.SPENT: (
        "accountoverdueerror arrearage billingdisabled billingerror billinghardlimitreached billingnotactive"
        " enforcedspendlimitreached exceededcurrentquotaerror insufficientbalance insufficientbalanceerror"
        " insufficientcredit insufficientcredits insufficientfunds insufficientquota insufficientuserquota"
        " outofcredits paymentrequired quoteexceeded rejectnocredit allocationquotafreetieronly"
        " 1113 1309 baseresp1008"
    ),
    Meaning.LATER: (
        "dailylimitexceeded monthlylimitexceeded quotaexceeded quotaexceedederror usagelimitreached usagelimitexceeded"
        " 1304 1308 1310 baseresp2056"
    ),
    Meaning.RATE: (
        "limitrequests ratelimit ratelimited ratelimiterror ratelimitexceeded ratelimitreachederror"
        " requestlimitexceeded resourceexhausted slowdown throttled throttling throttlingallocationquota"
        " throttlingerror throttlingexception throttlingratequota throttlingburstrate toomanyrequests"
        " toomanyrequestsexception toomanyrequestserror tokenratelimitexceeded ratelimitreached"
        " 1302 1303 1305 1313 baseresp1002 baseresp1039 baseresp1041 baseresp2045"
    ),
    Meaning.OVERLOADED: (
        "capacityexceeded engineoverloaded engineoverloadederror modeloverloaded modelnotreadyexception"
        " overloaded overloadederror serverisoverloaded serveroverloaded serviceunavailable serviceunavailableerror"
        " serviceunavailableexception unavailable 1312"
    ),
    Meaning.MODEL: "modelnotfound modelnotexist modelnotfounderror modelnotavailable invalidmodel unknownmodel 1211",
    Meaning.AUTHENTICATION: (
        "accessdenied accessdeniedexception apikeyinvalid authenticationerror forbidden incorrectapikeyerror"
        " invalidapikey invalidauthenticationerror permissiondenied permissiondeniederror permissionerror"
        " unauthenticated unauthorized unrecognizedclientexception"
        " 1000 1001 1002 1003 1004 1110 1111 1112 1121 baseresp1004 baseresp2049"
    ),
    Meaning.TIMEOUT: "deadlineexceeded modeltimeoutexception timeout timeouterror baseresp1001",
    Meaning.SERVER: (
        "apierror internal internalerror internalservererror internalserverexception servererror"
        " modelerrorexception 1200 1230 1234 baseresp1000 baseresp1013 baseresp1024 baseresp1033"
    ),
    Meaning.REQUEST: (
        "badrequest badrequesterror failedprecondition invalidargument invalidparameter invalidparametererror"
        " invalidrequest invalidrequesterror notfound notfounderror unsupportedparameter unsupportedvalue"
        " validationerror validationexception 1210 1212 1213 1214 1215 1221 1222 baseresp2013"
    ),
}
_TABLE: Final = {name: meaning for meaning, names in _NAMES.items() for name in names.split()}
_TOO_LONG: Final = re.compile(
    r"(?:model|max|input|prompt|exceeds?|exceeded)*context(?:length|window|size|limit|tokens?)+(?:is)?"
    r"(?:exceeded|exceeds|exceed|overflow|toolong|reached|error)+(?:error|exception)?"
    r"|contextoverflow(?:error)?|(?:model)?(?:max)?(?:prompt|input)tokens?(?:count|length|limit)?exceeded"
    r"|exceed(?:s|ed)?(?:max|model)?contextsize(?:error)?"
)
"""``context_length_exceeded`` and its kin; codes are names that somebody chose, so their parts can be trusted."""


def meanings_of(body: ErrorBody) -> frozenset[Meaning]:
    """Say what the codes of an error mean; those that are not known mean nothing."""
    names = {_bare(code) for code in body.codes}
    known = {_TABLE[name] for name in names if name in _TABLE}
    if any(_TOO_LONG.fullmatch(name) for name in names):
        known.add(Meaning.TOO_LONG)
    return frozenset(known)


def status_of(body: ErrorBody) -> int | None:
    """Give the HTTP status an error has, by its own word or else by its codes. None: neither says."""
    if body.status is not None:
        return body.status
    first = min(meanings_of(body), key=lambda each: each.value, default=None)
    return None if first is None else STATUSES[first]


def _bare(code: str) -> str:
    """Leave out what differs between spellings: marks, and the family that AWS and DashScope put before a dot."""
    if code.startswith(MINIMAX):
        return "baseresp" + code.removeprefix(MINIMAX)
    return re.sub(r"[^a-z0-9]", "", code.partition(":")[0])
