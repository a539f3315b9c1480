import { afterEach, expect, test } from "vitest";
import { openDemand, wasDeclined, withAuthority } from "./authority.ts";
import { ApiProblem } from "./problem.ts";

const problem = (code: string) => new ApiProblem({ code, status: 403, title: code, detail: code });

/** Fails so often before it succeeds. */
function failing(code: string, times: number) {
  let left = times;
  return async () => {
    left -= 1;
    if (left >= 0) throw problem(code);
    return "done";
  };
}

afterEach(() => openDemand.get()?.settle(false));

/** Lets what is under way come to its question. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 0));

test("asks for the password, and does it again when it was given", async () => {
  const doing = withAuthority(failing("reauthentication_required", 1));
  await soon();
  expect(openDemand.get()?.demand).toBe("password_again");
  openDemand.get()?.settle(true);
  await expect(doing).resolves.toBe("done");
  expect(openDemand.get()).toBeNull();
});

test("asks once for all that wait for the same log-in", async () => {
  const all = [1, 2, 3].map(() => withAuthority(failing("unauthenticated", 1)));
  await soon();
  expect(openDemand.get()?.demand).toBe("log_in");
  openDemand.get()?.settle(true);
  await expect(Promise.all(all)).resolves.toEqual(["done", "done", "done"]);
});

test("a person who declines gets the problem, which nobody needs to be told of", async () => {
  const doing = withAuthority(failing("reauthentication_required", 1));
  await soon();
  openDemand.get()?.settle(false);
  const error = await doing.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiProblem);
  expect(wasDeclined(error)).toBe(true);
});

test("any other problem is thrown at once", async () => {
  await expect(withAuthority(failing("name_taken", 1))).rejects.toMatchObject({ code: "name_taken" });
  expect(openDemand.get()).toBeNull();
  expect(wasDeclined(problem("name_taken"))).toBe(false);
});
