//! What stacks are made of in pprof and in OTLP alike: texts, functions, and locations that stand for one frame or,
//! where functions were inlined, several. A location's frames are numbered when a stack needs them.

use super::{Sink, Taking};
use crate::wire::Malformed;

/// See the module. Entries name each other by place.
#[derive(Default)]
pub(super) struct Symbols<'a> {
    pub(super) texts: Vec<&'a str>,
    /// Name and file, by texts.
    pub(super) functions: Vec<(u32, u32)>,
    /// Files of what is mapped, by texts.
    pub(super) mappings: Vec<u32>,
    locations: Vec<Location>,
    /// Functions of locations, the innermost first; locations of one location stand together.
    lines: Vec<u32>,
    /// Frames of locations, the outermost first.
    frames: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Location {
    mapping: Option<u32>,
    /// Where its lines, then its frames, begin, and how many they are.
    from: u32,
    count: u32,
    is_numbered: bool,
}

/// Functions that one location may stand for.
const INLINED: usize = 256;

impl<'a> Symbols<'a> {
    /// Adds a location.
    pub(super) fn location(&mut self, mapping: Option<u32>, functions: &[u32]) {
        let functions = &functions[..functions.len().min(INLINED)];
        let from = self.lines.len() as u32;
        self.lines.extend_from_slice(functions);
        self.locations.push(Location { mapping, from, count: functions.len() as u32, is_numbered: false });
    }

    /// How many locations there are.
    pub(super) fn locations(&self) -> usize {
        self.locations.len()
    }

    /// How many functions there are in all locations.
    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// A text by its place; empty where there is none.
    pub(super) fn text(&self, place: u64) -> &'a str {
        self.texts.get(place as usize).copied().unwrap_or_default()
    }

    /// The stack of some locations, the innermost first.
    pub(super) fn stack<S: Sink>(&mut self, locations: &[u32], taking: &mut Taking<'_, S>) -> Result<u32, Malformed> {
        for location in locations {
            self.number(*location, taking)?;
        }
        let frames = locations.iter().rev().flat_map(|place| {
            let location = self.locations[*place as usize];
            &self.frames[location.from as usize..(location.from + location.count) as usize]
        });
        taking.stack(frames.copied())
    }

    /// Numbers the frames of a location, if they are not yet.
    fn number<S: Sink>(&mut self, place: u32, taking: &mut Taking<'_, S>) -> Result<(), Malformed> {
        let location =
            *self.locations.get(place as usize).ok_or(Malformed("a stack has a location that is not there"))?;
        if location.is_numbered {
            return Ok(());
        }
        let from = self.frames.len() as u32;
        let lines = location.from as usize..(location.from + location.count) as usize;
        for function in self.lines[lines].iter().rev() {
            let function = self.functions.get(*function as usize);
            let (name, file) = *function.ok_or(Malformed("a location has a function that is not there"))?;
            let frame = taking.frame(self.text(name.into()), self.text(file.into()));
            self.frames.push(frame);
        }
        if location.count == 0 {
            let mapping = location.mapping.and_then(|mapping| self.mappings.get(mapping as usize));
            let file = mapping.map_or("", |file| self.text((*file).into()));
            // Nobody knows the function; what its library costs is told still.
            let name = file.rsplit(['/', '\\']).next().filter(|name| !name.is_empty());
            let frame = taking.frame(&name.map_or_else(String::new, |name| format!("[{name}]")), file);
            self.frames.push(frame);
        }
        let count = self.frames.len() as u32 - from;
        self.locations[place as usize] = Location { from, count, is_numbered: true, ..location };
        Ok(())
    }
}
