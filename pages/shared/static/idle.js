// Locks the page at the moment when its sign-in ends for want of use.
//
// The server decides when that is; nothing here keeps a sign-in alive or ends it. This page tells it
// of what a person does here, at most once a minute, and asks how long is left, so that work in
// another tab counts here too. A minute before the end it says so. At the end it blanks the page, asks
// once more, and goes to the sign-in page.
//
// A field sends its text when one leaves it. This page also has it sent when nobody has typed for a
// while, and shortly before the end, so that the server has it as a draft whatever happens next.
(() => {
  "use strict";

  const SEEN = "/auth/seen";
  const STATE = "/auth/state";
  const PRINTED = "/auth/printed"; // what is printed is in the access log
  const SIGN_IN = "/auth/sign-in";
  const TELL_EVERY = 60_000;
  const ASK_EVERY = 60_000;
  const ASK_EVERY_WHILE_WARNING = 10_000;
  const WARN_BEFORE = 60_000;
  const SEND_FIELD_BEFORE = 10_000;
  const SEND_FIELD_AFTER = 20_000;
  const WAIT_FOR_ANSWER = 5_000;
  const TRY_AGAIN = 5_000;
  const DONE_BY_A_PERSON = ["keydown", "pointerdown", "pointermove", "touchstart", "wheel", "click", "input"];

  let endsAt = null; // by this machine's clock; null until the server has said, or where nothing ends
  let lastDone = 0; // when a person last did something here
  let toldAt = 0;
  let askedAt = 0;
  let isAsking = false;
  let isTelling = false;
  let isLocked = false;
  let isFieldSent = false;
  let canStay = true; // false once use did not put the end off: the longest time is over
  let pointer = "";
  let timer = 0;
  let fieldTimer = 0;
  let bar = null;

  // --- what is seen -------------------------------------------------------------------------

  function blank(isBlank) {
    const root = document.documentElement.style;
    if (isBlank) root.setProperty("display", "none", "important");
    else root.removeProperty("display");
  }

  function warn(left) {
    if (left > WARN_BEFORE) {
      bar?.remove();
      bar = null;
      isFieldSent = false;
      return;
    }
    const seconds = Math.max(Math.ceil(left / 1000), 0);
    if (!bar) {
      bar = document.createElement("div");
      bar.id = "trellis-idle";
      bar.setAttribute("role", "status"); // read out once; only what is hidden from it runs
      bar.style.cssText =
        "position:fixed;inset:auto 0 1.25rem 0;margin:auto;width:fit-content;max-width:90vw;z-index:2000000;" +
        "padding:.6rem 1rem;border-radius:8px;background:#1e2621;color:#f6f8f5;" +
        "font:15px/1.4 'Source Sans',system-ui,sans-serif;box-shadow:0 2px 12px rgb(0 0 0/.25)";
      const spoken = document.createElement("span");
      spoken.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
      const shown = document.createElement("span");
      shown.setAttribute("aria-hidden", "true");
      bar.append(spoken, shown);
      document.body.append(bar);
      spoken.textContent = "Locks in less than a minute. Press a key to stay.";
    }
    bar.lastChild.textContent = canStay
      ? `Locks in ${seconds} s \u2013 move to stay`
      : `Your sign-in ends in ${seconds} s. Save your work, then sign in again.`;
  }

  function sendField() {
    if (isFieldSent) return;
    isFieldSent = true;
    const field = document.activeElement;
    if (field instanceof HTMLElement && field !== document.body) field.blur();
  }

  // The frontend takes this for leaving the field; the person, and the place in the text, stay.
  function sendPausedField() {
    const field = document.activeElement;
    if (!(field instanceof HTMLTextAreaElement) || isLocked) return;
    for (const kind of ["focusout", "focusin"]) {
      field.dispatchEvent(new FocusEvent(kind, { bubbles: true }));
    }
  }

  function lock() {
    if (isLocked) return;
    isLocked = true;
    clearTimeout(timer);
    blank(true);
    document.body.replaceChildren();
    location.replace(`${SIGN_IN}?next=${encodeURIComponent(address())}`);
  }

  // The way back: the path, and what in the query is an id or a filter; nothing that somebody typed.
  function address() {
    const kept = [...new URLSearchParams(location.search)].filter(
      ([name, value]) => /^[a-z][a-z0-9_-]{0,31}$/i.test(name) && /^[\w.:-]{1,64}$/.test(value)
        && !/^(q|text|search|find|name)$/i.test(name),
    );
    const query = new URLSearchParams(kept).toString();
    return location.pathname + (query ? `?${query}` : "");
  }

  // --- what the server says -----------------------------------------------------------------

  async function talk(path, options) {
    const answer = await fetch(path, {
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(WAIT_FOR_ANSWER),
      ...options,
    });
    if (answer.status === 401) {
      lock();
    } else if (answer.ok && !isLocked) {
      const { left } = await answer.json();
      endsAt = left === null ? null : Date.now() + left * 1000;
      blank(false);
    } else {
      throw new Error(`status ${answer.status}`);
    }
  }

  async function ask() {
    if (isAsking || isLocked) return;
    isAsking = true;
    askedAt = Date.now();
    try {
      await talk(STATE);
    } catch {
      if (endsAt !== null && Date.now() >= endsAt) lock(); // nobody says that it may stay open
    } finally {
      isAsking = false;
    }
    tick();
  }

  async function tell() {
    if (isTelling || isLocked) return;
    isTelling = true;
    const ago = Math.max(Math.ceil((Date.now() - lastDone) / 1000), 0);
    toldAt = Date.now();
    try {
      await talk(SEEN, { method: "POST", body: String(ago), keepalive: true });
      canStay = endsAt === null || endsAt - Date.now() > WARN_BEFORE;
    } catch {
      toldAt -= TELL_EVERY - TRY_AGAIN;
    } finally {
      isTelling = false;
    }
    tick();
  }

  // --- what goes on -------------------------------------------------------------------------

  function tick() {
    clearTimeout(timer);
    if (isLocked) return;
    const now = Date.now();
    const left = endsAt === null ? Infinity : endsAt - now;
    if (left <= 0) {
      blank(true); // before anything is asked: the machine may have slept for hours
      ask();
      return;
    }
    warn(left);
    if (left <= SEND_FIELD_BEFORE) sendField();
    if (lastDone > toldAt && now - toldAt >= TELL_EVERY) tell();
    else if (now - askedAt >= (bar ? ASK_EVERY_WHILE_WARNING : ASK_EVERY)) ask();
    timer = setTimeout(tick, bar ? Math.min(1_000, left) : Math.min(15_000, left - WARN_BEFORE + 1));
  }

  function done(event) {
    if (!event.isTrusted || isLocked) return;
    if (event.type === "pointermove") {
      // a page that draws itself anew below a resting pointer moves nothing
      const at = `${event.screenX} ${event.screenY}`;
      const hasMoved = pointer !== "" && pointer !== at;
      pointer = at;
      if (!hasMoved) return;
    }
    const now = Date.now();
    if (endsAt !== null && now >= endsAt) {
      tick(); // too late: what was done does not count any more
      return;
    }
    lastDone = now;
    if (event.type === "input") {
      clearTimeout(fieldTimer);
      fieldTimer = setTimeout(sendPausedField, SEND_FIELD_AFTER);
    }
    if (now - toldAt >= TELL_EVERY) tell();
  }

  function lookAgain() {
    tick();
    ask();
  }

  for (const kind of DONE_BY_A_PERSON) {
    addEventListener(kind, done, { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") lookAgain();
  });
  addEventListener("focus", lookAgain);
  addEventListener("online", lookAgain);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // a page that comes back as it was left may be another person's by now
    endsAt = Date.now();
    lookAgain();
  });
  addEventListener("beforeprint", () => {
    if (isLocked) return;
    fetch(PRINTED, {
      method: "POST", body: address(), credentials: "same-origin", keepalive: true,
    }).catch(() => {}); // the browser prints whatever the answer is
  });
  ask();
})();
