//! A stage that turns items into columns of numbers, a block at a time, and lets a closure compute on
//! whole columns: on text, too, arithmetic then takes place in vectors.

use std::any::type_name;
use std::marker::PhantomData;

use crate::dispatch::dispatch;
use crate::item::{Item, Owned};
use crate::stage::{Stage, not_one_to_one};

/// Rows of a block. A column takes 8 KiB, so that some of them stay in the first cache.
const ROWS: usize = 1024;

/// See [`Pipeline::columns`](crate::Pipeline::columns).
#[derive(Clone, Copy)]
pub struct Columns<const N: usize, P, F, O> {
    parse: P,
    f: F,
    out: PhantomData<fn() -> O>,
}

impl<const N: usize, P, F, O> Columns<N, P, F, O> {
    pub(crate) fn new(parse: P, f: F) -> Self {
        Columns {
            parse,
            f,
            out: PhantomData,
        }
    }
}

/// A column, which begins where a line of the cache does, as vectors should.
#[repr(C, align(64))]
#[derive(Clone)]
struct Column([f64; ROWS]);

/// A worker's columns, and where results lie until they are handed on.
pub struct Block<O> {
    columns: Vec<Column>,
    rows: usize,
    results: Vec<O>,
}

impl<const N: usize, P, F, O> Columns<N, P, F, O> {
    /// Runs the rows that there are.
    #[inline(always)]
    fn run(&self, block: &mut Block<O>, emit: &mut impl FnMut(O))
    where
        F: Fn([&[f64]; N], &mut Vec<O>),
    {
        let Block {
            columns,
            rows,
            results,
        } = block;
        let rows = std::mem::take(rows);
        dispatch(
            #[inline(always)]
            || (self.f)(std::array::from_fn(|i| &columns[i].0[..rows]), results),
        );
        results.drain(..).for_each(emit);
    }
}

impl<const N: usize, In, P, F, O> Stage<In> for Columns<N, P, F, O>
where
    In: Item,
    O: Send,
    P: for<'a> Fn(In::Of<'a>) -> Option<[f64; N]>,
    F: Fn([&[f64]; N], &mut Vec<O>),
{
    type Out = Owned<O>;
    type Local = Block<O>;
    const ONE_TO_ONE: bool = false;

    fn local(&self) -> Block<O> {
        Block {
            columns: vec![Column([0.0; ROWS]); N],
            rows: 0,
            results: Vec::new(),
        }
    }

    #[inline(always)]
    fn push<E>(&self, block: &mut Block<O>, item: In::Of<'_>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        let Some(row) = (self.parse)(item) else {
            return;
        };
        for (column, value) in block.columns.iter_mut().zip(row) {
            column.0[block.rows] = value;
        }
        block.rows += 1;
        if block.rows == ROWS {
            self.run(block, emit);
        }
    }

    fn one<'a>(&self, _: &mut Block<O>, _: In::Of<'a>) -> <Owned<O> as Item>::Of<'a> {
        not_one_to_one()
    }

    fn end<E>(&self, block: &mut Block<O>, emit: &mut E)
    where
        E: for<'b> FnMut(O),
    {
        if block.rows > 0 {
            self.run(block, emit);
        }
    }

    fn describe(&self, steps: &mut Vec<String>) {
        let out = type_name::<O>();
        steps.push(format!("{N} columns of up to {ROWS} rows, map to {out}"));
    }
}
