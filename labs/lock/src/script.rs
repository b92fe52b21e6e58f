//! Scripts in Lua 5.1, as Redis's clients send them. Given.
//!
//! **Idea.** A script is run, not recognised by its text: each client library has its own. It runs
//! inside one step of the server and reaches it only through `redis.call`, so it is atomic. Every
//! run has an interpreter of its own, made for it and thrown away (some 30 µs): no script can
//! leave anything behind for the next one, and the memory limit is one run's.
//!
//! **Sandbox.** Strings, tables and mathematics; no files, no clock, no randomness, no loading of
//! code, no coroutines. Globals can neither be made nor, if unknown, be read, as in Redis. A run
//! ends with an error after [`MAX_STEPS`] instructions or [`MAX_MEMORY`] bytes. One call of a
//! pattern function counts as one instruction however long it takes, as in Redis.

mod sha1;

pub(crate) use sha1::sha1_hex;

use crate::wire::{Frame, Pipeline};
use mlua::{HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};
use std::cell::Cell;
use std::rc::Rc;

/// Instructions that one run may take: some tens of milliseconds.
pub const MAX_STEPS: u32 = 5_000_000;
/// Bytes that one run may have at a time.
pub const MAX_MEMORY: usize = 16 << 20;
/// How deep tables may stand inside each other in a reply.
const MAX_DEPTH: usize = 16;
/// Bytes of a reply: its strings, and some for each of its elements.
const MAX_REPLY: usize = 1 << 20;
const ELEMENT: usize = 16;
/// Instructions between two looks at the count.
const STRIDE: u32 = 1000;

/// Runs before each script. `call` answers a table with `err` for an error; the script sees it
/// raised by `redis.call` and returned by `redis.pcall`.
const PRELUDE: &str = r#"
local raw, sha1hex, KEYS_, ARGV_ = ...
local error, type, pcall, tostring, setmetatable = error, type, pcall, tostring, setmetatable
for _, name in ipairs { 'collectgarbage', 'coroutine', 'dofile', 'getfenv', 'load', 'loadfile',
        'loadstring', 'module', 'newproxy', 'print', 'require', 'setfenv', 'gcinfo' } do
    _G[name] = nil
end
string.dump, math.random, math.randomseed = nil, nil, nil
local function single(field, text)
    if type(text) ~= 'string' then
        return { err = 'ERR wrong number or type of arguments' }
    end
    return { [field] = text }
end
redis = {
    LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
    call = function(...)
        local reply = raw(...)
        if type(reply) == 'table' and reply.err then error(reply, 0) end
        return reply
    end,
    pcall = raw,
    status_reply = function(text) return single('ok', text) end,
    error_reply = function(text)
        if type(text) == 'string' then
            text = text:sub(1, 1) == '-' and text:sub(2) or 'ERR ' .. text
        end
        return single('err', text)
    end,
    sha1hex = sha1hex,
    log = function() end,
    replicate_commands = function() return true end,
    setresp = function() end,
}
KEYS, ARGV = KEYS_, ARGV_
setmetatable(_G, {
    __metatable = false,
    __index = function(_, name)
        error('Script attempted to access nonexistent global variable \'' .. tostring(name) .. '\'', 2)
    end,
    __newindex = function(_, name)
        error('Script attempted to create global variable \'' .. tostring(name) .. '\'', 2)
    end,
})
return function(script)
    local ok, reply = pcall(script)
    if ok then return reply end
    if type(reply) == 'table' and reply.err then
        return { err = tostring(reply.err), raised = true }
    end
    return { err = 'ERR ' .. tostring(reply), raised = true }
end
"#;

/// One run of a script.
pub(crate) struct Script<'s> {
    pub source: &'s [u8],
    pub sha: &'s str,
    pub keys: Vec<&'s [u8]>,
    pub args: Vec<&'s [u8]>,
}

impl Script<'_> {
    /// Runs it; `call` is what `redis.call` does. Its reply, or the error that ended it.
    pub fn run(&self, call: impl Fn(&Pipeline) -> Frame) -> Frame {
        let over = Rc::new(Cell::new(false));
        let done = interpreter(&over).and_then(|lua| self.run_in(&lua, &call));
        if over.get() {
            return Frame::error(format!(
                "ERR the script was ended after {MAX_STEPS} instructions; what it changed stays changed"
            ));
        }
        done.unwrap_or_else(|why| failed(&why))
    }

    fn run_in(&self, lua: &Lua, call: &impl Fn(&Pipeline) -> Frame) -> mlua::Result<Frame> {
        let script = match compile(lua, self.source) {
            Ok(script) => script,
            Err(why) => return Ok(why),
        };
        let strings = |all: &[&[u8]]| -> mlua::Result<Table> {
            let strings: mlua::Result<Vec<_>> = all.iter().map(|s| lua.create_string(s)).collect();
            lua.create_sequence_from(strings?)
        };
        let (keys, args) = (strings(&self.keys)?, strings(&self.args)?);
        lua.scope(|scope| {
            let raw =
                scope.create_function(|lua, args: mlua::Variadic<Value>| match command(&args) {
                    Ok(pipeline) => to_lua(lua, call(&pipeline)),
                    Err(why) => to_lua(lua, why),
                })?;
            let sha1hex =
                scope.create_function(|_, text: mlua::LuaString| Ok(sha1_hex(&text.as_bytes())))?;
            let prelude = lua.load(PRELUDE).set_name("=prelude");
            let protected: mlua::Function = prelude.call((raw, sha1hex, keys, args))?;
            let reply: Value = protected.call(script)?;
            let mut left = MAX_REPLY;
            let frame = self.reply(&reply, 0, &mut left);
            Ok(if left == 0 { too_much() } else { frame })
        })
    }

    /// A script's value as a reply.
    fn reply(&self, value: &Value, depth: usize, left: &mut usize) -> Frame {
        let size = match value {
            Value::String(text) => ELEMENT + text.as_bytes().len(),
            _ => ELEMENT,
        };
        if depth > MAX_DEPTH || size > *left {
            *left = 0;
            return Frame::Null;
        }
        *left -= size;
        match value {
            Value::Boolean(true) => Frame::Integer(1),
            Value::Integer(n) => Frame::Integer(*n),
            // Redis cuts off what stands behind the point.
            Value::Number(n) => Frame::Integer(*n as i64),
            Value::String(text) => Frame::bulk(text.as_bytes()),
            Value::Table(table) => self.table(table, depth, left),
            _ => Frame::Null,
        }
    }

    fn table(&self, table: &Table, depth: usize, left: &mut usize) -> Frame {
        let field = |name: &str| match table.raw_get(name) {
            Ok(Value::String(text)) => Some(text.as_bytes().to_vec()),
            _ => None,
        };
        if let Some(mut error) = field("err") {
            if table.raw_get("raised").unwrap_or(false) {
                error.extend(format!(" script: {}", self.sha).bytes());
            }
            return Frame::Error(error);
        }
        if let Some(status) = field("ok") {
            return Frame::Simple(status);
        }
        let mut items = Vec::new();
        for index in 1.. {
            match table.raw_get(index) {
                Ok(Value::Nil) | Err(_) => break,
                Ok(_) if *left == 0 => break,
                Ok(value) => items.push(self.reply(&value, depth + 1, left)),
            }
        }
        Frame::Array(items)
    }
}

/// Whether a script compiles; the error if not.
pub(crate) fn check(source: &[u8]) -> Result<(), Frame> {
    let lua = interpreter(&Rc::default()).map_err(|why| failed(&why))?;
    compile(&lua, source).map(|_| ())
}

fn interpreter(over: &Rc<Cell<bool>>) -> mlua::Result<Lua> {
    let lua = Lua::new_with(
        StdLib::STRING | StdLib::TABLE | StdLib::MATH,
        LuaOptions::default(),
    )?;
    lua.set_memory_limit(MAX_MEMORY)?;
    let steps = Cell::new(0);
    let over = Rc::clone(over);
    let every = |n| HookTriggers::new().every_nth_instruction(n);
    lua.set_hook(every(STRIDE), move |lua, _| {
        steps.set(steps.get() + STRIDE);
        if steps.get() < MAX_STEPS {
            return Ok(VmState::Continue);
        }
        if !over.replace(true) {
            // From here on at each instruction: a `pcall` in a loop must not outlive the limit.
            lua.set_hook(every(1), |_, _| Err(mlua::Error::runtime("too many steps")))?;
        }
        Err(mlua::Error::runtime("too many steps"))
    })?;
    Ok(lua)
}

fn compile(lua: &Lua, source: &[u8]) -> Result<mlua::Function, Frame> {
    // Only text: precompiled code is not checked by Lua 5.1 and can break the interpreter.
    let chunk = lua.load(source).set_name("@user_script");
    chunk
        .set_mode(mlua::chunk::ChunkMode::Text)
        .into_function()
        .map_err(|why| {
            let why = first_line(&why);
            Frame::error(format!("ERR Error compiling script (new function): {why}"))
        })
}

fn too_much() -> Frame {
    Frame::error("ERR the script's reply is too deep or too long")
}

fn failed(why: &mlua::Error) -> Frame {
    Frame::error(format!("ERR Error running script: {}", first_line(why)))
}

fn first_line(why: &mlua::Error) -> String {
    let text = why.to_string();
    let text = text.strip_prefix("syntax error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_string()
}

/// The arguments of `redis.call` as a command.
fn command(args: &[Value]) -> Result<Pipeline, Frame> {
    let wrong = || Frame::error("ERR Lua redis lib command arguments must be strings or integers");
    let mut bytes = Vec::with_capacity(args.len());
    for arg in args {
        bytes.push(match arg {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Integer(n) => n.to_string().into_bytes(),
            Value::Number(n) => n.to_string().into_bytes(),
            _ => return Err(wrong()),
        });
    }
    Ok(Pipeline::of(bytes))
}

/// A reply as a script sees it: as in Redis, nil is `false`, a status a table with `ok`.
fn to_lua(lua: &Lua, frame: Frame) -> mlua::Result<Value> {
    let table = |field: &str, text: &[u8]| -> mlua::Result<Value> {
        let table = lua.create_table()?;
        table.raw_set(field, lua.create_string(text)?)?;
        Ok(Value::Table(table))
    };
    match frame {
        Frame::Simple(text) => table("ok", &text),
        Frame::Error(text) => table("err", &text),
        Frame::Integer(n) => Ok(Value::Number(n as f64)),
        Frame::Boolean(yes) => Ok(Value::Number(f64::from(u8::from(yes)))),
        Frame::Null => Ok(Value::Boolean(false)),
        Frame::Bulk(text) | Frame::Double(text) | Frame::BigNumber(text) => {
            Ok(Value::String(lua.create_string(text)?))
        }
        Frame::Verbatim(text) => Ok(Value::String(
            lua.create_string(text.get(4..).unwrap_or(&text))?,
        )),
        Frame::Array(items) | Frame::Set(items) | Frame::Push(items) => {
            let items: mlua::Result<Vec<_>> = items.into_iter().map(|f| to_lua(lua, f)).collect();
            Ok(Value::Table(lua.create_sequence_from(items?)?))
        }
        Frame::Map(pairs) => {
            let flat = pairs.into_iter().flat_map(|(k, v)| [k, v]).collect();
            to_lua(lua, Frame::Array(flat))
        }
    }
}
