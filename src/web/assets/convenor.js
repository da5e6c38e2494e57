/**
 * What makes the pages nicer where scripts run. Everything works without it: a preview is also a button, a page
 * that refreshes itself can be reloaded, and the server checks every form again.
 */

for (const element of document.querySelectorAll('.needs-script')) element.classList.remove('needs-script');

document.getElementById('problems')?.focus();

/** A second press on the same button does not send a form twice. */
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.dataset.sent === 'yes') {
    event.preventDefault();
    return;
  }
  // What goes into a frame of the page, such as a preview, leaves the form to be sent.
  if (form.method !== 'post' || event.submitter?.formTarget) return;
  form.dataset.sent = 'yes';
  event.submitter?.setAttribute('aria-disabled', 'true');
});
window.addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const form of document.forms) delete form.dataset.sent;
  for (const button of document.querySelectorAll('button[aria-disabled]'))
    button.removeAttribute('aria-disabled');
});

/** Forms with `data-preview="/address"` show what they would give, in the element that `data-into` names. */
for (const form of document.querySelectorAll('form[data-preview]')) {
  const into = document.getElementById(form.dataset.into);
  let timer;
  let latest = 0;
  form.addEventListener('input', (event) => {
    if (event.target.matches('[data-no-preview]')) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const ticket = ++latest;
      const answer = await fetchText(form.dataset.preview, {
        method: 'POST',
        body: new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === 'string')),
      });
      if (answer !== undefined && ticket === latest) into.innerHTML = answer;
    }, 350);
  });
}

/** Elements with `data-refresh` (seconds) and an id fetch themselves anew until the server leaves the mark out. */
function keepFresh(element) {
  setTimeout(
    async () => {
      if (document.hidden) return keepFresh(element);
      const fresh = await fetchAnew(element.id);
      if (fresh === undefined) return keepFresh(element);
      if (fresh === null) return;
      if (!element.contains(document.activeElement)) element.replaceWith(fresh);
      if (fresh.dataset.refresh !== undefined) keepFresh(element.isConnected ? element : fresh);
    },
    Number(element.dataset.refresh) * 1000,
  );
}
for (const element of document.querySelectorAll('[data-refresh]:not([data-live])')) keepFresh(element);

/**
 * Elements with `data-live="/address"` follow server-sent events: `figures` goes into the element that `data-figures`
 * names, `state` fetches the element anew. Where no events come through, it is refreshed like the others.
 */
function followLive(element) {
  const source = new EventSource(element.dataset.live);
  source.addEventListener('figures', (event) => {
    const figures = document.getElementById(element.dataset.figures);
    if (figures !== null) figures.innerHTML = event.data;
  });
  source.addEventListener('state', () => {
    source.close();
    void showAnew(element);
  });
  source.addEventListener('end', () => source.close());
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) keepFresh(element);
  });
}
for (const element of document.querySelectorAll('[data-live]')) followLive(element);

async function showAnew(element) {
  const fresh = await fetchAnew(element.id);
  if (!fresh) return keepFresh(element);
  element.replaceWith(fresh);
  if (fresh.dataset.live !== undefined) followLive(fresh);
}

/** Buttons with `data-copy` put that text on the clipboard and say so. */
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-copy]');
  if (button) void copyTextOf(button);
});

async function copyTextOf(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? '';
  await navigator.clipboard.writeText(text.trim());
  const label = button.querySelector('[data-label]') ?? button;
  const before = label.textContent;
  label.textContent = 'Copied';
  setTimeout(() => {
    label.textContent = before;
  }, 2000);
}

/** An element of this page as the server has it now: null when the page has none, undefined without an answer. */
async function fetchAnew(id) {
  const answer = await fetchText(location.href, {});
  if (answer === undefined) return undefined;
  const fresh = new DOMParser().parseFromString(answer, 'text/html').getElementById(id);
  for (const element of fresh?.querySelectorAll('.needs-script') ?? [])
    element.classList.remove('needs-script');
  return fresh;
}

/**
 * Keys for the daily acts: each link or button with `data-key` is reached by that key, or by "g" and then the key
 * where the key is written as "g x". "?" opens the list of them. Never while somebody types.
 */
const keys = document.getElementById('keys');
let prefix = '';
let prefixTimer;
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.('input, select, textarea, [contenteditable]') || keys?.open) return;
  if (event.key === '?' && keys !== null) {
    event.preventDefault();
    keys.showModal();
    return;
  }
  const pressed = prefix + event.key;
  clearTimeout(prefixTimer);
  prefix = event.key === 'g' ? 'g ' : '';
  prefixTimer = setTimeout(() => {
    prefix = '';
  }, 1500);
  const target =
    pressed === '/'
      ? document.querySelector('main input[type=search]')
      : document.querySelector(`[data-key="${CSS.escape(pressed)}"]`);
  if (target === null) return;
  event.preventDefault();
  if (pressed === '/') target.focus();
  else target.click();
});
for (const button of document.querySelectorAll('[data-open-keys]')) {
  button.addEventListener('click', () => keys?.showModal());
}

async function fetchText(address, options) {
  try {
    const answer = await fetch(address, { ...options, credentials: 'same-origin', redirect: 'error' });
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined;
  }
}
