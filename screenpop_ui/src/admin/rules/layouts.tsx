/** The blocks of the pop: their order, and which are not sent at all, for each queue. */

import { useState } from "preact/hooks";
import { Field, Wrong } from "../../forms/field";
import { type Trouble, within } from "../../forms/schema";
import { BLOCKS, type Layout, moved, orderOf } from "./api";

interface Props {
  layouts: readonly Layout[];
  queues: readonly string[];
  onChange: (layouts: Layout[]) => void;
  errors: readonly Trouble[];
}

export function Layouts({ layouts, queues, onChange, errors }: Props) {
  const [queue, setQueue] = useState("");
  const shown = layouts.some((layout) => !layout.queue) ? layouts : [{ queue: null }, ...layouts];
  const free = queues.filter((each) => !layouts.some((layout) => layout.queue === each));
  const set = (index: number, layout: Layout) => onChange(shown.with(index, layout));
  return (
    <>
      <Wrong errors={errors.filter((error) => error.pointer === "/pop_layout")} />
      <div class="cards">
        {shown.map((layout, index) => (
          <One
            key={layout.queue ?? ""}
            layout={layout}
            isOnly={shown.length === 1}
            errors={within(errors, `/pop_layout/${index}`)}
            onChange={(next) => set(index, next)}
            onRemove={() => onChange(shown.toSpliced(index, 1))}
          />
        ))}
      </div>
      <form
        class="actions at-end"
        onSubmit={(event) => {
          event.preventDefault();
          if (!queue.trim()) return;
          onChange([...shown, { queue: queue.trim() }]);
          setQueue("");
        }}
      >
        <Field label="Another order for the queue">
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              list="queues"
              value={queue}
              onInput={(event) => setQueue(event.currentTarget.value)}
            />
          )}
        </Field>
        <datalist id="queues">
          {free.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <button type="submit">Add the queue</button>
      </form>
    </>
  );
}

interface OneProps {
  layout: Layout;
  isOnly: boolean;
  errors: readonly Trouble[];
  onChange: (layout: Layout) => void;
  onRemove: () => void;
}

function One({ layout, isOnly, errors, onChange, onRemove }: OneProps) {
  const order = orderOf(layout);
  const hidden = layout.hidden ?? [];
  const name = layout.queue ? `Queue ${layout.queue}` : isOnly ? "All queues" : "All other queues";
  return (
    <section class="rule" aria-label={name}>
      <h3>
        <bdi>{name}</bdi>
      </h3>
      <Wrong errors={errors} />
      <ol class="order">
        {order.map((block, place) => {
          const isHidden = hidden.includes(block);
          const words = BLOCKS[block] ?? block;
          return (
            <li key={block} class={isHidden ? "is-hidden" : ""}>
              <label class="order-name check">
                <input
                  type="checkbox"
                  checked={!isHidden}
                  onChange={() =>
                    onChange({
                      ...layout,
                      order,
                      hidden: isHidden
                        ? hidden.filter((each) => each !== block)
                        : [...hidden, block],
                    })
                  }
                />
                {words}
              </label>
              <button
                type="button"
                aria-label={`${words}: earlier`}
                disabled={place === 0}
                onClick={() => onChange({ ...layout, order: moved(order, place, -1) })}
              >
                ↑
              </button>
              <button
                type="button"
                aria-label={`${words}: later`}
                disabled={place === order.length - 1}
                onClick={() => onChange({ ...layout, order: moved(order, place, 1) })}
              >
                ↓
              </button>
            </li>
          );
        })}
      </ol>
      {layout.queue && (
        <div>
          <button type="button" onClick={onRemove}>
            As all other queues<span class="sr-only">: {layout.queue}</span>
          </button>
        </div>
      )}
    </section>
  );
}
