// node unpack.mjs ARCHIVE.br FILE: Python 3.11 has no brotli, Node always does.
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const [archive, file] = process.argv.slice(2);
await pipeline(createReadStream(archive), createBrotliDecompress(), createWriteStream(file));
