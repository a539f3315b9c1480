import { expect, test } from "vitest";
import { parseClusterUrl } from "./cluster-url.ts";

test.each([
  ["https://postern.example.com", "https://postern.example.com"],
  [" https://Postern.example.com:8443/ ", "https://postern.example.com:8443"],
  ["http://127.0.0.1:7480", "http://127.0.0.1:7480"],
  ["http://[::1]:7480/", "http://[::1]:7480"],
  ["http://localhost:7480", "http://localhost:7480"],
])("takes %s", (typed, origin) => {
  expect(parseClusterUrl(typed)).toBe(origin);
});

test.each([
  "http://postern.example.com", // everybody on the way would read the token
  "http://127.0.0.1.example.com:7480",
  "ftp://postern.example.com",
  "postern.example.com",
  "https://admin:secret@postern.example.com",
  "https://postern.example.com/api/v1",
  "",
])("refuses %j as wrong usage", (typed) => {
  expect(() => parseClusterUrl(typed)).toThrow(expect.objectContaining({ exitCode: 2 }));
});
