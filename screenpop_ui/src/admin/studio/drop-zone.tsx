/** Hand over a CSV or Excel file: dropped, or chosen. */

import { useState } from "preact/hooks";
import { StatusLine, useAction } from "../parts/action";
import { type Look, sources } from "./api";
import { asText } from "./state";
import type { Desk } from "./studio";

export function DropZone({ desk }: { desk: Desk }) {
  const action = useAction();
  const [isOver, setOver] = useState(false);
  const take = async (file: File | undefined) => {
    if (!file) return;
    const done = await action.run(async () => {
      const { path } = await sources.upload(file);
      const { encoding: _e, delimiter: _d, sheet: _s, ...rest } = desk.typed.settings;
      const settings = { ...rest, path };
      const look = await sources.look(desk.slug, {
        kind: desk.kind.kind,
        settings,
        region: desk.typed.region,
      });
      desk.change({ settings: { ...settings, ...asItLooks(look) } });
      return look;
    }, null);
    if (done) {
      const text = `${file.name}: ${asText(done.facts.rows)} rows under ${done.columns.length} headers. Go on to 2 Map.`;
      action.say({ kind: "good", text });
    }
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button inside is for the keyboard.
    <div
      class={isOver ? "drop is-over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void take(event.dataTransfer?.files[0]);
      }}
    >
      <p>Drop a CSV or Excel file here, up to 64 MiB.</p>
      <label class="button">
        Choose a file
        <input
          class="sr-only"
          type="file"
          accept=".csv,.tsv,.txt,.xlsx,.xlsm,.xlsb,.xls,.ods"
          onChange={(event) => {
            void take(event.currentTarget.files?.[0]);
            event.currentTarget.value = "";
          }}
        />
      </label>
      <StatusLine outcome={action.outcome} />
    </div>
  );
}

/** The settings of how the file was read, where they are not the usual ones. */
export function asItLooks({ facts }: Pick<Look, "facts">): Record<string, string> {
  const found: Record<string, string> = {};
  if (typeof facts.encoding === "string" && facts.encoding !== "utf-8-sig")
    found.encoding = facts.encoding;
  if (typeof facts.delimiter === "string" && facts.delimiter !== ",")
    found.delimiter = facts.delimiter;
  return found;
}
