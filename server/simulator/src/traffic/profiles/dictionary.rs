//! What profiles of one request have in common: texts, functions and stacks, each once (OpenTelemetry profiles,
//! `ProfilesDictionary`). Entry 0 of every table is empty.

use std::collections::HashMap;

use opentelemetry_proto::tonic::profiles::v1development::{
    Function, KeyValueAndUnit, Line, Link, Location, Mapping, Profile, ProfilesDictionary, Sample, Stack, ValueType,
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    texts: Vec<String>,
    text_numbers: HashMap<String, i32>,
    /// Functions by their texts; a location is one function.
    functions: Vec<i32>,
    function_numbers: HashMap<i32, i32>,
    /// Locations, the innermost first.
    stacks: Vec<Vec<i32>>,
    stack_numbers: HashMap<Vec<i32>, i32>,
}

impl Dictionary {
    fn text(&mut self, text: &str) -> i32 {
        if let Some(number) = self.text_numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        let number = self.texts.len() as i32;
        self.text_numbers.insert(text.to_owned(), number);
        number
    }

    fn function(&mut self, name: &str) -> i32 {
        let name = self.text(name);
        let Self { functions, function_numbers, .. } = self;
        *function_numbers.entry(name).or_insert_with(|| {
            functions.push(name);
            functions.len() as i32
        })
    }

    fn stack(&mut self, frames: &[String]) -> i32 {
        let locations: Vec<i32> = frames.iter().rev().map(|frame| self.function(frame)).collect();
        let Self { stacks, stack_numbers, .. } = self;
        *stack_numbers.entry(locations.clone()).or_insert_with(|| {
            stacks.push(locations);
            stacks.len() as i32
        })
    }

    /// A profile of some stacks, whose parts of all are each taken so many times.
    pub(super) fn profile(
        &mut self,
        (kind, unit): (&str, &str),
        stacks: Vec<(Vec<String>, f64)>,
        all: f64,
        mut times: impl FnMut() -> f64,
    ) -> Profile {
        let parts: Vec<f64> = stacks.iter().map(|(_, part)| part * times()).collect();
        let sum: f64 = parts.iter().sum();
        let sample_type = ValueType { type_strindex: self.text(kind), unit_strindex: self.text(unit) };
        let mut samples = Vec::with_capacity(stacks.len());
        for ((frames, _), part) in stacks.iter().zip(parts) {
            let value = if sum > 0.0 { (all * part / sum) as i64 } else { 0 };
            samples.push(Sample { stack_index: self.stack(frames), values: vec![value], ..Sample::default() });
        }
        Profile { sample_type: Some(sample_type), samples, ..Profile::default() }
    }

    pub(super) fn finish(self) -> ProfilesDictionary {
        let function = |name: i32| Function { name_strindex: name, ..Function::default() };
        let location = |function: usize| Location {
            lines: vec![Line { function_index: function as i32, ..Line::default() }],
            ..Location::default()
        };
        let locations = (1..=self.functions.len()).map(location);
        let stack = |location_indices: Vec<i32>| Stack { location_indices };
        ProfilesDictionary {
            mapping_table: vec![Mapping::default()],
            location_table: [Location::default()].into_iter().chain(locations).collect(),
            function_table: [Function::default()].into_iter().chain(self.functions.into_iter().map(function)).collect(),
            link_table: vec![Link::default()],
            string_table: [String::new()].into_iter().chain(self.texts).collect(),
            attribute_table: vec![KeyValueAndUnit::default()],
            stack_table: [Stack::default()].into_iter().chain(self.stacks.into_iter().map(stack)).collect(),
        }
    }
}
