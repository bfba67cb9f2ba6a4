import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Runs `work` while no other set-up of this project runs. The lock is the folder .local/set-up-lock with one file in
 * it named after its owner; it appears whole, by rename. The lock of an owner that is no longer alive is taken over by
 * removing that owner's file by its name: of two that try, only one succeeds, and neither can remove a live one's.
 * @param {string} root
 * @param {() => Promise<void>} work
 */
export async function withSetupLock(root, work) {
  const local = join(root, '.local');
  mkdirSync(local, { recursive: true });
  const lock = join(local, 'set-up-lock');
  const owner = `${process.pid}-${startTime(process.pid)}`;
  const prepared = join(local, `set-up-lock-${owner}`);
  rmSync(prepared, { recursive: true, force: true });
  mkdirSync(prepared);
  writeFileSync(join(prepared, owner), '');

  let told = false;
  while (!tryRename(prepared, lock)) {
    const other = ownerOf(lock);
    if (other !== undefined && !isAlive(other)) {
      ignoreMissing(() => unlinkSync(join(lock, other)));
    } else {
      if (!told && other !== undefined)
        console.error(`set-up: waiting for process ${other.split('-')[0]} to finish it`);
      told = told || other !== undefined;
      await sleep(POLL_MS);
    }
  }
  try {
    await work();
  } finally {
    unlinkSync(join(lock, owner));
    // Another set-up may already have moved its own folder over the emptied one.
    ignoreMissing(() => rmdirSync(lock));
  }
}

/**
 * Renaming a folder over another works only while the other is empty: that is what makes this a lock.
 * @param {string} from
 * @param {string} to
 */
function tryRename(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** @param {string} lock */
function ownerOf(lock) {
  try {
    return readdirSync(lock)[0];
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** @param {string} owner */
function isAlive(owner) {
  const [pid = '', started] = owner.split('-');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
  }
  return startTime(Number(pid)) === started;
}

/**
 * Tells a process from a later one with the same pid (common in containers): field 22 of /proc/<pid>/stat, counted
 * behind the command name, which may hold spaces. '0' where there is no /proc.
 * @param {number} pid
 */
function startTime(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
  } catch {
    return '0';
  }
}

/** @param {() => void} action */
function ignoreMissing(action) {
  try {
    action();
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}

/**
 * @param {unknown} error
 * @param {...string} codes
 */
function hasCode(error, ...codes) {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
