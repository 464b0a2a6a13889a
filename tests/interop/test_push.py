"""Records reach a FHIR server once, however often they are sent, and nowhere else."""

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.gate import CUT, PASS, PASS_AND_CUT, Gate, Says
from trellis_core.errors import CommandRefusedError, InvalidValueError
from trellis_core.services.fhir_push import checked_address, push, push_documents
from trellis_core.services.fhir_wire import CONTENT_TYPE, Patience

needs_node = pytest.mark.node
SOON = Patience(tries=3, longest_wait=1.0, pause=0.0)
TOKEN = "a-token.of_secret"
RECORD = "https://ehr.example/mrn"
OURS = "https://trellis-care.example/fhir/id"
BUSY = Says(429, {"Retry-After": "0"})


def identifier(system, value, kind=None):
    found = {"system": system, "value": value}
    if kind:
        coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}
        found["type"] = {"coding": [coding]}
    return found


def person(key, record="R-42", born="1951-02-03", family="Ñandú"):
    return {
        "resourceType": "Patient",
        "id": key,
        "identifier": [
            identifier(f"{OURS}/patient", f"p/{key}"),
            identifier(RECORD, record, "MR"),
        ],
        "name": [{"family": family, "given": ["Ana"]}],
        "gender": "female",
        "birthDate": born,
    }


def entry(resource):
    body = {name: value for name, value in resource.items() if name != "id"}
    kind = resource["resourceType"]
    if kind == "Provenance":
        tag = resource["meta"]["tag"][0]
        request = {
            "method": "POST",
            "url": kind,
            "ifNoneExist": f"_tag={tag['system']}|{tag['code']}",
        }
    else:
        own = resource["identifier"][0]
        request = {"method": "PUT", "url": f"{kind}?identifier={own['system']}|{own['value']}"}
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": body, "request": request}


def transaction(*resources):
    return {"resourceType": "Bundle", "type": "transaction", "entry": [*map(entry, resources)]}


def identity(number):
    return f"0f0e0d0c-0000-4000-8000-{number:012d}"


def work(number, minutes="20.50", status="completed"):
    return {
        "resourceType": "Procedure",
        "id": identity(number),
        "identifier": [identifier(f"{OURS}/time-entry", f"p/{number}")],
        "extension": [
            {
                "url": f"{OURS}/counted",
                "valueDuration": {
                    "value": Decimal(minutes),
                    "unit": "min",
                    "system": "http://unitsofmeasure.org",
                    "code": "min",
                },
            }
        ],
        "status": status,
        "subject": {"reference": f"urn:uuid:{identity(1)}"},
    }


def origin():
    return {
        "resourceType": "Provenance",
        "id": identity(9),
        "meta": {"tag": [{"system": f"{OURS}/tag", "code": identity(9)}]},
        "target": [{"reference": f"urn:uuid:{identity(2)}"}],
        "recorded": "2026-11-20T12:00:00-05:00",
        "agent": [{"who": {"display": "Practice"}}],
    }


def month(**changes):
    return transaction(person(identity(1)), work(2), work(3, **changes), origin())


def send(bundles, to, token=TOKEN):
    return push(bundles, to=to, token=token, patience=SOON)


def taken(bundle):
    """Return what a server says that took all of a transaction."""
    answers = [{"response": {"status": "201 Created"}} for _ in bundle["entry"]]
    body = {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}
    return Says(200, {}, json.dumps(body).encode())


# Transactions


@needs_node
def test_what_is_sent_twice_is_there_once(fhir_server):
    first = send([month(), transaction(person(identity(7), "R-43"))], fhir_server.url)
    counts, versions = fhir_server.counts(), fhir_server.versions()
    again = send([month(), transaction(person(identity(7), "R-43"))], fhir_server.url)
    assert first.is_complete
    assert (first.transactions, first.created, first.updated, first.unchanged) == (2, 5, 0, 0)
    assert counts == {"Patient": 2, "Procedure": 2, "Provenance": 1}
    assert (again.created, again.updated, again.unchanged) == (0, 4, 1)
    assert (fhir_server.counts(), fhir_server.versions()) == (counts, versions)
    (names,) = {each["name"][0]["family"] for each in fhir_server.all("Patient")}
    assert names == "Ñandú"


@needs_node
def test_a_changed_record_alone_becomes_a_new_version(fhir_server):
    send([month()], fhir_server.url)
    before = fhir_server.versions()
    send([month(minutes="21.00")], fhir_server.url)
    after = fhir_server.versions()
    (changed,) = {key for key in after if after[key] != before[key]}
    assert changed.startswith("Procedure/")


@needs_node
def test_one_bad_entry_keeps_all_out_and_is_named(fhir_server):
    bad = month(status="completed")
    bad["entry"][2]["resource"]["performedString"] = 7
    report = send([month(), bad, month()], fhir_server.url)
    assert not report.is_complete
    assert report.transactions == 1
    (failure,) = report.failures
    assert failure.startswith("Transaction 2 was not taken: the server answered 400, ")
    assert f"(Procedure {identity(3)})" in failure
    assert "Bundle.entry[2].resource" in failure
    assert fhir_server.versions() == dict.fromkeys(fhir_server.versions(), 1)
    assert report.lines[-1] == "Sending everything again is safe."


@needs_node
def test_several_matches_stop_and_are_not_tried_again(fhir_server):
    for _ in range(2):
        fhir_server.create({key: each for key, each in person("").items() if key != "id"})
    with Gate(PASS, behind=fhir_server.url) as gate:
        report = send([transaction(person(""))], gate.url)
    assert len(gate.came) == 1
    assert "answered 412, several of its records match" in report.failures[0]
    assert fhir_server.counts() == {"Patient": 2}


@needs_node
@pytest.mark.parametrize("trouble", [BUSY, CUT, PASS_AND_CUT])
def test_a_busy_server_and_a_cut_connection_are_tried_again(fhir_server, trouble):
    with Gate(trouble, PASS, behind=fhir_server.url) as gate:
        report = send([month()], gate.url)
    assert report.is_complete
    assert report.retried == 1
    assert len(gate.came) == 2
    assert fhir_server.counts() == {"Patient": 1, "Procedure": 2, "Provenance": 1}


@pytest.mark.parametrize(
    ("headers", "came"),
    [
        ({"Retry-After": "0"}, 3),
        ({}, 1),
        ({"Retry-After": "3600"}, 1),
        ({"Retry-After": "soon"}, 1),
        ({"Retry-After": "Fri, 20 Nov 2026 13:00:00 GMT", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 1),
    ],
    ids=["for ever", "without a time", "an hour", "no time", "in an hour"],
)  # fmt: skip
def test_patience_ends(headers, came):
    with Gate(Says(503, headers)) as gate:
        report = send([month()], gate.url)
    assert len(gate.came) == came
    assert "answered 503, it is busy" in report.failures[0]


@pytest.mark.parametrize("status", [302, 307, 400, 401, 403, 404, 409, 412, 415, 422, 500, 502])
def test_any_other_answer_stops_at_once_and_only_its_codes_are_told(status):
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "business-rule",
                "diagnostics": f"Ana Ñandú, R-42, {TOKEN}",
                "details": {"text": "Ñandú"},
                "expression": [
                    "Bundle.entry[1].resource.ofType(Ñandú)",
                    "Ana",
                    "Patient.name[0].where(family='Nandu')",
                ],
            },
            {"severity": "error", "code": "Nandu"},
            {"severity": "information", "code": "informational"},
        ],
    }
    away = {"Location": "http://127.0.0.1:9/", "Retry-After": "0"}
    with Gate(Says(status, away, json.dumps(outcome).encode())) as gate:
        report = send([month(), month()], gate.url)
    assert len(gate.came) == 1
    assert report.transactions == 0
    (failure,) = report.failures
    assert f"the server answered {status}" in failure
    assert f"business-rule at Bundle.entry[1].resource.ofType (Procedure {identity(2)})" in failure
    assert "Patient.name[0].where" in failure
    assert not re.search(rf"Ana\b|.andu|R-42|{TOKEN}", " ".join(report.lines))


def test_a_redirect_takes_neither_records_nor_token_along():
    with Gate(taken(month())) as other, Gate(Says(307, {"Location": other.url})) as gate:
        report = send([month()], gate.url)
    assert not other.came
    assert "it is somewhere else" in report.failures[0]


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(tmp_path):
    with Gate(taken(month()), tls=self_signed(tmp_path)) as gate:
        report = send([month()], gate.url)
    assert not gate.came
    assert "its certificate is not one that this machine trusts" in report.failures[0]


def self_signed(folder):
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
        )
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    private = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_what_goes_over_the_wire_is_fhir_r4_with_every_digit(monkeypatch, tmp_path):
    """And a proxy, or a login of this machine's files, has no part in it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    told = []
    with Gate(BUSY) as proxy, Gate(taken(month())) as gate:
        monkeypatch.setenv("http_proxy", proxy.url)
        report = push([month()], to=f"{gate.url}/", token=TOKEN, told=told.append)
        push([month()], to=gate.url, token=None)
    first, second = gate.came
    assert (report.created, told, proxy.came) == (4, [1], [])
    assert first.path == "/"
    assert first.headers["Content-Type"] == first.headers["Accept"] == CONTENT_TYPE
    assert first.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "Authorization" not in second.headers
    assert b'"value":20.50,' in first.body
    assert "Ñandú".encode() in first.body


@pytest.mark.parametrize(
    "body",
    [b"<html>welcome</html>", b"[]", b'{"resourceType":"Bundle","entry":[]}', b"[" * 200_000],
    ids=["a page", "a list", "no answers", "a tower"],
)
def test_an_answer_that_says_nothing_is_no_success(body):
    with Gate(Says(200, {}, body)) as gate:
        report = send([month()], gate.url)
    assert "does not tell what became of its 4 records" in report.failures[0]
    assert report.transactions == 0


def test_a_server_that_keeps_only_some_of_a_transaction_is_found_out():
    answers = [{"response": {"status": each}} for each in ("201", "422 Ana", "201", "201")]
    with Gate(Says(200, {}, json.dumps({"entry": answers}).encode())) as gate:
        report = send([month()], gate.url)
    assert report.failures == (
        f"Transaction 1 was not taken as a whole: entry 1, Procedure {identity(2)}: 422.",
    )


def test_a_server_that_is_not_there_is_not_waited_for():
    with Gate(CUT) as gate:
        gone = gate.url
    report = push([month()], to=gone, token=None, patience=Patience(pause=3600.0))
    assert report.failures == ("Transaction 1 was not taken: it could not be reached.",)


def test_a_connection_that_is_always_cut_is_given_up():
    with Gate(CUT) as gate:
        report = send([month()], gate.url)
    assert len(gate.came) == 3
    assert "what was sent last may have been kept" in report.failures[0]


def test_an_entry_that_would_be_made_twice_is_not_sent():
    bundle = month()
    del bundle["entry"][3]["request"]["ifNoneExist"]
    with Gate(taken(bundle)) as gate, pytest.raises(InvalidValueError, match="entry 3 would be"):
        send([bundle], gate.url)
    assert not gate.came


@pytest.mark.parametrize("token", ["two words", "line\r\nHost: other", "", "Ñ"])
def test_what_is_no_token_is_refused_without_being_repeated(token):
    with pytest.raises(CommandRefusedError) as refused:
        send([], "https://ehr.example/fhir", token)
    assert refused.value.code == "SERVER_TOKEN"
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "checked"),
    [
        ("https://ehr.example/fhir/", "https://ehr.example/fhir"),
        ("https://EHR.example:8443", "https://EHR.example:8443"),
        ("http://127.0.0.1:8931", "http://127.0.0.1:8931"),
        ("http://127.8.8.8/r4/", "http://127.8.8.8/r4"),
        ("http://[::1]:80/fhir", "http://[::1]:80/fhir"),
        ("http://localhost/fhir", "http://localhost/fhir"),
    ],
)
def test_records_may_be_sent_by_https_and_within_this_machine(address, checked):
    assert checked_address(address) == checked


@pytest.mark.parametrize(
    "address",
    [
        "http://ehr.example/fhir",
        "http://10.0.0.5/fhir",
        "http://localhost.ehr.example",
        "http://127.0.0.1.ehr.example",
        "http://127.1/fhir",
        "https://name:secret@ehr.example/fhir",
        "http://localhost@ehr.example",
        "http://localhost\\@ehr.example",
        "https://ehr.example/fhir?token=secret",
        "https://ehr.example/fhir#secret",
        "https://ehr.example/fhir?",
        "https://ehr.example:99999",
        "https:///fhir",
        "https://ehr.example/a\n",
        "https://[::1",
        "ftp://ehr.example",
        "file://localhost/etc",
        "ehr.example",
        "",
    ],
)
def test_other_addresses_are_refused_without_being_repeated(address):
    with pytest.raises(CommandRefusedError) as refused:
        checked_address(address)
    assert refused.value.code == "SERVER_ADDRESS"
    assert "secret" not in str(refused.value)


# Documents by themselves


def document(number, replaces=None):
    found = {
        "resourceType": "DocumentReference",
        "id": identity(number),
        "meta": {"versionId": "4", "security": [{"code": "N"}]},
        "extension": [{"url": f"{OURS}/of", "valueReference": {"reference": "Account/1"}}],
        "identifier": [identifier(f"{OURS}/superbill", f"p/{number}")],
        "status": "current",
        "subject": {"reference": f"Patient/{identity(1)}"},
        "author": [
            {"reference": "Practitioner/1", "display": "Ida Stone, MD"},
            {"reference": "Practitioner/2", "type": "Practitioner"},
        ],
        "custodian": {"reference": "Organization/1", "type": "Organization"},
        "content": [{"attachment": {"contentType": "text/plain", "data": "MTIz", "size": 3}}],
        "context": {
            "period": {"start": "2026-10-01", "end": "2026-10-31"},
            "related": [{"reference": "Procedure/1", "display": "work"}],
        },
    }
    if replaces:
        target = {"reference": f"DocumentReference/{identity(replaces)}"}
        found["relatesTo"] = [{"code": "replaces", "target": target}]
    return found


def send_documents(documents, to):
    return push_documents(documents, to=to, token=TOKEN, patience=SOON)


def known_there(server, *people):
    """Make patients on the server as another system knows them: without our own identifiers."""
    for each in people:
        theirs = each | {"identifier": each["identifier"][1:]}
        server.create({key: value for key, value in theirs.items() if key != "id"})


@needs_node
def test_documents_reach_their_patients_once_and_stand_by_themselves(fhir_server):
    known_there(fhir_server, person(identity(1)), person(identity(4), "R-43"))
    mine, other = person(identity(1)), person(identity(4), "R-43")
    given = [(mine, document(20)), (mine, document(21, replaces=20)), (other, document(22))]
    with Gate(PASS, behind=fhir_server.url) as gate:
        first, again = (send_documents(given, gate.url) for _ in range(2))
    assert (first.transactions, first.created, again.unchanged) == (3, 3, 3)
    assert fhir_server.counts() == {"Patient": 2, "DocumentReference": 3}
    assert {each.path for each in gate.came} == {
        "/DocumentReference", "/DocumentReference/_search", "/Patient/_search",
    }  # fmt: skip
    there = {each["identifier"][0]["value"]: each for each in fhir_server.all("DocumentReference")}
    people = {each["identifier"][0]["value"]: each for each in fhir_server.all("Patient")}
    one, two = there["p/20"], there["p/21"]
    assert one["subject"] == {"reference": f"Patient/{people['R-42']['id']}"}
    assert there["p/22"]["subject"] == {"reference": f"Patient/{people['R-43']['id']}"}
    assert one["author"] == [{"display": "Ida Stone, MD"}]
    assert one["context"] == {"period": {"start": "2026-10-01", "end": "2026-10-31"}}
    assert one["meta"]["security"] == [{"code": "N"}]
    assert not {"custodian", "extension", "relatesTo"} & one.keys()
    target = {"reference": f"DocumentReference/{one['id']}"}
    assert two["relatesTo"] == [{"code": "replaces", "target": target}]


@needs_node
def test_a_document_of_a_patient_who_is_not_certain_is_left_out_and_told(fhir_server):
    known_there(
        fhir_server,
        person(identity(1)),
        person(identity(4), "R-43"),
        person(identity(5), "R-43", family="Otra"),
        person(identity(6), "R-44", born="1950-01-01"),
    )
    wanted = [
        person(identity(4), "R-43"),
        person(identity(6), "R-44"),
        person(identity(7), "R-45"),
        person(identity(1)),
    ]
    given = [(each, document(20 + number)) for number, each in enumerate(wanted)]
    report = send_documents(given, fhir_server.url)
    assert (report.transactions, report.created, report.is_complete) == (1, 1, False)
    assert [each.split()[1] for each in report.failures] == [identity(20 + n) for n in range(3)]
    assert "R-4" not in " ".join(report.failures)
    assert fhir_server.counts()["DocumentReference"] == 1


def test_a_server_that_answers_a_search_with_anybody_is_not_believed():
    anybody = person("1", "9999") | {"id": "anybody"}
    found = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": anybody}]}
    with Gate(Says(200, {}, json.dumps(found).encode())) as gate:
        report = send_documents([(person(identity(1)), document(20))], gate.url)
    assert {each.path for each in gate.came} == {"/Patient/_search"}
    assert "was left out" in report.failures[0]


@pytest.mark.parametrize("step", [Says(401), CUT])
def test_a_refusal_stops_the_documents(step):
    given = [(person(identity(1)), document(20)), (person(identity(4)), document(21))]
    with Gate(step) as gate:
        report = send_documents(given, gate.url)
    assert len(report.failures) == 1
    assert report.failures[0].startswith(f"Document {identity(20)} was not taken: ")


def test_a_document_that_could_not_be_found_again_is_not_sent():
    nameless = {key: each for key, each in document(20).items() if key != "identifier"}
    there = person("1") | {"id": "there"}
    found = {"resourceType": "Bundle", "entry": [{"resource": there}]}
    with (
        Gate(Says(200, {}, json.dumps(found).encode())) as gate,
        pytest.raises(InvalidValueError, match="no identifier"),
    ):
        send_documents([(person(identity(1)), nameless)], gate.url)
    assert {each.path for each in gate.came} == {"/Patient/_search"}
