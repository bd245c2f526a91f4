// Asks for a key where the gateway wants one.

import { hasKey, setKey } from './api.js';
import { h, show } from './dom.js';

// createKeyForm returns a form that is hidden until it is needed, and calls given once there is a key.
export function createKeyForm(given) {
  const reason = h('p', { role: 'alert' });
  const input = h('input', { type: 'password', id: 'key', required: true, autocomplete: 'off', spellcheck: 'false' });
  const element = h(
    'form',
    {
      class: 'key',
      hidden: true,
      onsubmit(event) {
        event.preventDefault();
        setKey(input.value);
        input.value = '';
        given();
      },
    },
    h('h2', null, 'This gateway requires authentication'),
    reason,
    h('label', null, h('span', null, 'API key or token'), input),
    h('button', null, 'Continue'),
    h('p', { class: 'hint' }, 'It is kept until this tab is closed, and sent to this gateway only.'),
  );
  return {
    element,
    show(message) {
      show(reason, hasKey() ? message : 'Enter your API key, or your token.');
      reason.classList.toggle('note', hasKey());
      if (!element.hidden) return;
      element.hidden = false;
      input.focus();
    },
    hide() {
      element.hidden = true;
    },
  };
}
