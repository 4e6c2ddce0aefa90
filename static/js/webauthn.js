// Passkeys: a form[data-passkey] asks the browser for a credential, fills it in and is sent.
// data-passkey: create, confirm or sign-in. data-options: the server's options as JSON; a sign-in
// form has none and fetches them, so that a page can be cached. data-failed: what to say.
const fromBase64Url = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
const toBase64Url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button:not([type=button])");
  if (!window.PublicKeyCredential) button.disabled = true;
  let isAnswered = false;
  form.addEventListener("submit", async (event) => {
    if (isAnswered) return;
    event.preventDefault();
    const problem = form.querySelector("[data-passkey-problem]");
    problem.hidden = true;
    button.setAttribute("aria-busy", "true");
    try {
      form.elements.credential.value = JSON.stringify(await ask(form));
      isAnswered = true;
      form.requestSubmit();
    } catch {
      problem.textContent = form.dataset.failed;
      problem.hidden = false;
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
}

async function ask(form) {
  if (form.dataset.passkey === "create") return create(form);
  const options = form.dataset.options ? JSON.parse(form.dataset.options) : await fetchOptions(form);
  const publicKey = options.request_options.publicKey;
  publicKey.challenge = fromBase64Url(publicKey.challenge);
  publicKey.allowCredentials = withBinaryIds(publicKey.allowCredentials);
  return describe(await navigator.credentials.get({ publicKey }));
}

async function create(form) {
  const publicKey = JSON.parse(form.dataset.options).creation_options.publicKey;
  publicKey.challenge = fromBase64Url(publicKey.challenge);
  publicKey.user.id = fromBase64Url(publicKey.user.id);
  publicKey.excludeCredentials = withBinaryIds(publicKey.excludeCredentials);
  const isPasskey = form.elements.passwordless?.checked ?? false;
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: isPasskey ? "required" : "discouraged",
    requireResidentKey: isPasskey,
    ...(isPasskey && { userVerification: "required" }),
  };
  return describe(await navigator.credentials.create({ publicKey }));
}

async function fetchOptions(form) {
  const response = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`options: ${response.status}`);
  return response.json();
}

const withBinaryIds = (credentials = []) => credentials.map((one) => ({ ...one, id: fromBase64Url(one.id) }));

// The JSON form of a credential: https://www.w3.org/TR/webauthn-3/#dom-publickeycredential-tojson
function describe(credential) {
  const { response } = credential;
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const parts = names.filter((name) => response[name]).map((name) => [name, toBase64Url(response[name])]);
  if (response.getTransports) parts.push(["transports", response.getTransports()]);
  return {
    id: credential.id,
    rawId: toBase64Url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: Object.fromEntries(parts),
  };
}
