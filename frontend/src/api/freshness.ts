/** How old the newest telemetry on the page is: its age at the server plus the time since it arrived. */
import { useEffect } from 'react'

type Frame = { ageAtArrivalS: number; arrivedAt: number }

let newest: Frame | null = null
let watchers = 0
let past: number | null = null

/** Tell which frame the page shows. Pages without telemetry have no age. */
export function useFrame(ageS: number | null | undefined, arrivedAt: number): void {
  useEffect(() => {
    watchers += 1
    return () => {
      watchers -= 1
      if (watchers === 0) newest = null
    }
  }, [])
  useEffect(() => {
    if (ageS != null) newest = { ageAtArrivalS: ageS, arrivedAt }
  }, [ageS, arrivedAt])
}

/** Seconds, or null when nothing on the page ages. */
export function frameAge(now: number): number | null {
  return newest && Math.max(0, newest.ageAtArrivalS + (now - newest.arrivedAt) / 1000)
}

/** Tell that the page shows a past moment (Unix seconds), and not what is; null when it does not. */
export function usePast(at: number | null): void {
  useEffect(() => {
    past = at
    return () => {
      past = null
    }
  }, [at])
}

/** The past moment the page shows, Unix seconds; null while it is live. */
export function pastMoment(): number | null {
  return past
}
