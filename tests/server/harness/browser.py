"""A headless Chromium, driven by its protocol over two pipes: what a person would see and press. No driver, no library.

TESSERA_CHROMIUM names the program; else it is looked for where Debian and others have it.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from .process import SLOWDOWN

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe")
SECONDS = 20 * SLOWDOWN
KEYS = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def program():
    """The path of a Chromium; None: there is none."""
    asked = os.environ.get("TESSERA_CHROMIUM")
    return shutil.which(asked) if asked else next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One page. `troubles` has what it wrote to the console as an error, and what it was not allowed to do."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # The protocol's descriptors are 3 and 4.
        script = 'exec 3<&%d 4>&%d; exec "$@"' % (theirs_in, theirs_out)
        self.process = subprocess.Popen(["bash", "-c", script, "bash", program(), *OPTIONS, "--user-data-dir=" + self.folder],
                                        pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.input, self.output = ours_in, ours_out
        self.rest, self.number, self.session = b"", 0, None
        self.troubles, self.login = [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            self.call(domain + ".enable")
        self.call("Fetch.enable", handleAuthRequests=True)

    def close(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the protocol ---

    def _send(self, method, arguments):
        self.number += 1
        message = {"id": self.number, "method": method, "params": arguments}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        return self.number

    def _receive(self, end):
        while b"\0" not in self.rest:
            assert select.select([self.input], [], [], max(0, end - time.monotonic()))[0], "the browser does not answer"
            data = os.read(self.input, 1 << 20)
            assert data, "the browser has ended"
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def _notice(self, event):
        """What comes unasked."""
        method, about = event.get("method"), event.get("params", {})
        if method == "Fetch.requestPaused":
            self._send("Fetch.continueRequest", {"requestId": about["requestId"]})
        elif method == "Fetch.authRequired":
            user = self.login
            self.login = None  # a login that fails is not tried again
            answer = {"response": "CancelAuth"} if user is None else {
                "response": "ProvideCredentials", "username": user[0], "password": user[1]}
            self._send("Fetch.continueWithAuth", {"requestId": about["requestId"], "authChallengeResponse": answer})
        elif method == "Runtime.exceptionThrown":
            self.troubles.append(about["exceptionDetails"]["exception"].get("description", "an exception"))
        elif method == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.troubles.append(about["entry"]["text"])

    def call(self, method, **arguments):
        """The result of a command of the protocol."""
        number, end = self._send(method, arguments), time.monotonic() + SECONDS
        while True:
            message = self._receive(end)
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._notice(message)

    # --- what a person does ---

    def open(self, url, login=None):
        """Goes to a page; `login`: (user, password), typed in if it is asked for."""
        self.login = login
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def look(self, width, height, scheme):
        """How large the window is, and whether it is "light" or "dark"."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def value(self, expression):
        """What JavaScript says."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression):
        """Until it is true."""
        end = time.monotonic() + SECONDS
        while not self.value(expression):
            assert time.monotonic() < end, "never true: " + expression
            time.sleep(0.02)

    def press(self, *keys):
        """Keys, one after the other."""
        for key in keys:
            text = {"text": "\r"} if key == "Enter" else {}
            about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
            self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def roles(self):
        """What a screen reader is told: [(role, name)]."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def picture(self, path):
        """The whole page as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
