/** A guide in a small part of Markdown, drawn as elements: no HTML of the text is ever used. */

import type { ComponentChildren } from "preact";
import { LinkOut } from "../../ui/pieces";

type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "list"; ordered: boolean; items: string[] }
  | { kind: "table"; rows: string[][] };

export function Guide({ text }: { text: string }) {
  return (
    <div class="guide">
      {blocksOf(text).map((block, index) => (
        <Drawn key={index} block={block} />
      ))}
    </div>
  );
}

function Drawn({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      return block.level <= 1 ? null : <h3>{inline(block.text)}</h3>;
    case "text":
      return <p>{inline(block.text)}</p>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard.
        <pre class="code" tabIndex={0}>
          {block.text}
        </pre>
      );
    case "list": {
      const items = block.items.map((item, index) => <li key={index}>{inline(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard.
        <div class="table-scroll" tabIndex={0}>
          <table class="table">
            <tbody>
              {block.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, place) =>
                    index === 0 ? (
                      <th key={place} scope="col">
                        {inline(cell)}
                      </th>
                    ) : (
                      <td key={place}>{inline(cell)}</td>
                    ),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
  }
}

const ITEM = /^\s*(?:[-*]|(\d+)[.)])\s+(.*)$/;

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  let place = 0;
  while (place < lines.length) {
    const line = lines[place] ?? "";
    const heading = line.match(/^(#{1,6})\s+(.*)$/);
    const item = line.match(ITEM);
    if (line.trim() === "") {
      place += 1;
    } else if (/^\s*```/.test(line)) {
      const end = lines.findIndex((each, index) => index > place && /^\s*```/.test(each));
      const last = end === -1 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(place + 1, last).join("\n") });
      place = last + 1;
    } else if (heading) {
      blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
      place += 1;
    } else if (line.startsWith("|")) {
      const rows: string[][] = [];
      while ((lines[place] ?? "").startsWith("|")) {
        const cells = (lines[place] ?? "").replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/);
        if (!cells.every((cell) => /^[\s:-]*$/.test(cell))) rows.push(cells.map((c) => c.trim()));
        place += 1;
      }
      blocks.push({ kind: "table", rows });
    } else if (item) {
      const items: string[] = [];
      const ordered = item[1] !== undefined;
      while (place < lines.length) {
        const next = lines[place] ?? "";
        const found = next.match(ITEM);
        if (found) items.push(found[2] ?? "");
        else if (/^\s+\S/.test(next) && !/^\s*```/.test(next)) {
          items.push(`${items.pop() ?? ""} ${next.trim()}`);
        } else break;
        place += 1;
      }
      blocks.push({ kind: "list", ordered, items });
    } else {
      // The line at hand is text whatever it looks like: every turn takes a line.
      const said: string[] = [line.trim()];
      place += 1;
      while (place < lines.length && !/^\s*$|^#|^\||^\s*```/.test(lines[place] ?? "")) {
        if (ITEM.test(lines[place] ?? "")) break;
        said.push((lines[place] ?? "").trim());
        place += 1;
      }
      blocks.push({ kind: "text", text: said.join(" ") });
    }
  }
  return blocks;
}

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/;

/** Code, bold and links; everything else is text as it stands. */
export function inline(text: string): ComponentChildren[] {
  return text.split(INLINE).map((piece, index) => {
    if (piece.startsWith("`") && piece.length > 2)
      return <code key={index}>{piece.slice(1, -1)}</code>;
    if (piece.startsWith("**") && piece.length > 4) {
      return <strong key={index}>{piece.slice(2, -2)}</strong>;
    }
    const link = piece.match(/^\[([^\]]+)\]\(([^)\s]+)\)$/);
    if (link) {
      return (
        <LinkOut key={index} to={link[2] ?? null}>
          {link[1]}
        </LinkOut>
      );
    }
    return piece;
  });
}
