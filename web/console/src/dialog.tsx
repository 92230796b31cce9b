// Asks before an act: the reason always, and what else it needs. The person is whoever is signed in.
import { useEffect, useRef } from 'preact/hooks';
import { session } from './api';
import { t } from './i18n';
import { signal, useSignal } from './store';

export interface Field { name: string; label: string; value?: string; choices?: [string, string][]; password?: boolean; required?: boolean }
export interface Question { title: string; text?: string; fields?: Field[]; danger?: boolean; go?: string; look?: boolean; noReason?: boolean }
export type Answer = Record<string, string> & { reason: string };

const asked = signal<{ q: Question; answer: (a: Answer | null) => void } | null>(null);

export function ask(q: Question): Promise<Answer | null> {
  return new Promise(answer => { asked.value = { q, answer }; });
}
/** Does it with what was answered; nothing if it was called off. */
export async function withAnswer(q: Question, act: (a: Answer) => Promise<unknown>): Promise<void> {
  const a = await ask(q);
  if (a) await act(a);
}

export function DialogHost() {
  const now = useSignal(asked);
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (now) box.current?.showModal(); }, [now]);
  if (!now) return null;
  const { q, answer } = now;
  const done = (a: Answer | null) => { asked.value = null; answer(a); };
  const submit = (e: Event) => {
    e.preventDefault();
    const values = Object.fromEntries(new FormData(e.target as HTMLFormElement)) as Record<string, string>;
    done({ reason: '', ...values });
  };
  return (
    <dialog ref={box} aria-labelledby="dialog-title" onCancel={() => done(null)}>
      <form method="dialog" onSubmit={submit}>
        <h2 id="dialog-title">{q.title}</h2>
        {q.text && <p>{q.text}</p>}
        {q.fields?.map(f => (
          <label>{f.label}
            {f.choices
              ? <select name={f.name} value={f.value}>{f.choices.map(([value, name]) => <option value={value}>{name}</option>)}</select>
              : f.password ? <input name={f.name} type="password" autocomplete="new-password" required />
                : <input name={f.name} value={f.value} autocomplete="off" required={f.required !== false} />}
          </label>
        ))}
        {!q.noReason && (
          <label>{t('reason')}
            <textarea name="reason" rows={3} required maxLength={300} autofocus={!q.fields?.length} aria-describedby="reason-hint" />
          </label>
        )}
        <p class="note" id="reason-hint">{q.look ? t('reason.look.hint') : t('reason.hint')} {t('as', { who: session.value?.name ?? '' })}</p>
        <div class="acts">
          <button type="button" onClick={() => done(null)}>{t('cancel')}</button>
          <button type="submit" class={q.danger ? 'danger' : 'main'}>{q.go ?? t('confirm')}</button>
        </div>
      </form>
    </dialog>
  );
}
