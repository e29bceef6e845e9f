//! Profile columns → bytes. Profiles are sorted by type, owner and time; the samples of one type stand together in a
//! section, so that a question about a type unpacks nothing else.

use super::{Columns, ProfileColumns};
use crate::Error;
use crate::block;
use crate::block::bytes::Writer;
use crate::block::numbers::write_whole;

pub(super) const MAGIC: [u8; 4] = *b"BNpr";
pub(super) const FORMAT: u8 = 1;

impl ProfileColumns {
    /// A sealed block of all profiles.
    pub(super) fn encode(&self, level: i32) -> Result<Vec<u8>, Error> {
        self.fits()?;
        let stacks = self.stacks.order();
        let mut places = vec![0_u32; stacks.len()];
        stacks.iter().enumerate().for_each(|(place, stack)| places[*stack as usize] = place as u32);
        let order = self.by_type_owner_time();
        let mut writer = Writer::default();
        self.stacks.write(&mut writer, &stacks, level)?;
        writer.number(order.len() as u64);
        let length = |profile: usize| self.samples(profile).len() as i64;
        let columns: [&dyn Fn(usize) -> i64; 6] = [
            &|profile| i64::from(self.kind[profile]),
            &|profile| i64::from(self.unit[profile]),
            &|profile| i64::from(self.owner[profile]),
            &|profile| self.at[profile],
            &|profile| self.duration[profile],
            &length,
        ];
        for column in columns {
            write_whole(&mut writer, &order.iter().map(|profile| column(*profile)).collect::<Vec<_>>(), level)?;
        }
        let sections: Vec<Vec<u8>> = order
            .chunk_by(|a, b| self.kind[*a] == self.kind[*b] && self.unit[*a] == self.unit[*b])
            .map(|profiles| self.section(profiles, &places, level))
            .collect::<Result<_, _>>()?;
        sections.iter().for_each(|section| writer.number(section.len() as u64));
        sections.iter().for_each(|section| writer.raw(section));
        block::seal(MAGIC, FORMAT, &writer.bytes, level)
    }

    fn by_type_owner_time(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.owner.len()).collect();
        order.sort_by_key(|one| (self.kind[*one], self.unit[*one], self.owner[*one], self.at[*one]));
        order
    }

    /// The samples of some profiles: their stacks ascend, each written as how far it is from the one before.
    fn section(&self, profiles: &[usize], places: &[u32], level: i32) -> Result<Vec<u8>, Error> {
        let (mut steps, mut values) = (Vec::new(), Vec::new());
        for profile in profiles {
            let rows = self.samples(*profile);
            let mut samples: Vec<(u32, i64)> =
                rows.map(|row| (places[self.stack[row] as usize], self.value[row])).collect();
            samples.sort_unstable_by_key(|(stack, _)| *stack);
            let mut before = 0;
            for (stack, value) in samples {
                steps.push(i64::from(stack) - before);
                values.push(value);
                before = i64::from(stack);
            }
        }
        let mut writer = Writer::default();
        write_whole(&mut writer, &steps, level)?;
        write_whole(&mut writer, &values, level)?;
        Ok(writer.bytes)
    }
}
