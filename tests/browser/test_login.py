"""The login page as a person meets it: in a browser, on this machine and behind a proxy that ends TLS."""

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Cookie, Page, expect
from tests.integration.oidc_provider import CLIENT, SECRET, Provider

PASSWORD = "four wet lorries at dawn"


def first_link(server) -> str:
    """The link of the first admin, which the first start printed."""
    return server.process.stdout.readline().split()[-1]


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.locator("form").get_by_role("button").click()


def cookies(page: Page) -> dict[str, Cookie]:
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


def says(page: Page, text: str) -> None:
    expect(page.get_by_role("status")).to_contain_text(text)


def test_the_first_admin_chooses_a_password_logs_out_and_in_again(serve, page: Page):
    page.goto(first_link(serve()))
    expect(page.get_by_role("button")).to_have_text("Choose this password 设置密码")
    assert "#" not in page.url  # the link does not stay in the history of the browser
    fill_in(page, "ada", "short")
    says(page, "12 to 256")
    fill_in(page, "ada", PASSWORD)
    says(page, "Logged in as user:ada")
    assert cookies(page).keys() == {"loadlens_session", "loadlens_device"}
    for cookie in cookies(page).values():
        # Not secure: this is plain http, and only because this is the loopback address.
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
    page.reload()
    says(page, "Logged in as user:ada")
    page.get_by_role("button", name="Log out").click()
    says(page, "Logged out")
    assert cookies(page).keys() == {"loadlens_device"}
    fill_in(page, "ada", "four dry lorries at dawn")
    says(page, "name or password is wrong")
    fill_in(page, "ada", PASSWORD)
    says(page, "Logged in as user:ada")


@contextmanager
def tls_proxy(target: str, port: int, folder: Path) -> Iterator[None]:
    """A proxy that ends TLS on a port of this machine and says so to the server behind, as Caddy or nginx does."""

    class Passing(BaseHTTPRequestHandler):
        def passed(self) -> None:
            headers = {**self.headers, "X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "https"}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with closing(http.client.HTTPConnection(target.removeprefix("http://"))) as behind:
                behind.request(self.command, self.path, body, headers)
                answer = behind.getresponse()
                content = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = passed  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), Passing) as proxy:
        proxy.socket = tls.wrap_socket(proxy.socket, server_side=True)
        threading.Thread(target=proxy.serve_forever).start()
        yield
        proxy.shutdown()


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate that it has signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "yard")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(datetime.now(UTC) - timedelta(days=1))
    signed = made.not_valid_after(datetime.now(UTC) + timedelta(days=1)).sign(key, hashes.SHA256())
    file = folder / "yard.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize("trusted", [True, False], ids=["a trusted proxy", "a proxy that nobody named"])
def test_behind_a_proxy_with_tls_no_session_travels_in_the_clear(serve, page: Page, free_port, tmp_path, trusted):
    server = serve(trusted_proxies='["127.0.0.1"]') if trusted else serve()
    outside = f"https://127.0.0.1:{free_port}"
    with tls_proxy(server.address, free_port, tmp_path):
        answer = page.goto(first_link(server).replace(server.address, outside))
        assert ("strict-transport-security" in answer.headers) == trusted
        fill_in(page, "ada", PASSWORD)
        if trusted:
            says(page, "Logged in as user:ada")
            assert {name: cookie["secure"] for name, cookie in cookies(page).items()} == {
                "__Host-loadlens_session": True,
                "__Host-loadlens_device": True,
            }
            page.get_by_role("button", name="Log out").click()
            says(page, "Logged out")
        else:
            # What the proxy says of the browser's wire is not believed, so the page seems to come from another site.
            says(page, "the page of another site")
            assert cookies(page) == {}


def test_whom_another_service_vouches_for_comes_into_the_console_and_whom_it_does_not_reads_why(
    serve, page: Page, free_port
):
    provider = Provider()
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "roles": {"yard": "inspector"}}
    address = f"http://127.0.0.1:{free_port}"
    serve(oidc=json.dumps(oidc), port=free_port, public_url=address)
    try:
        provider.person = {"sub": "4712", "preferred_username": "nina", "groups": ["canteen"]}
        page.goto(f"{address}/console/")
        page.get_by_role("link", name="Sign in with the company account").click()
        expect(page.get_by_role("alert")).to_contain_text("ask an admin")
        assert "loadlens_session" not in cookies(page)
        provider.person = {"sub": "4711", "preferred_username": "olga", "groups": ["yard"]}
        page.get_by_role("link", name="Sign in another way").click()
        page.get_by_role("link", name="Sign in with the company account").click()
        expect(page.get_by_role("heading", name="Live")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
    finally:
        provider.close()
