// A page that cannot show itself takes nothing else with it: alarms, and what is not yet confirmed, stay in sight.
import { Component, type ReactNode } from "react";

interface Bounded {
  /** Which page it is: another one is tried anew. */
  path: string;
  children: ReactNode;
  /** What stands in its place, told why. */
  instead: (why: Error) => ReactNode;
}

interface Fallen {
  why: Error | null;
}

export class Boundary extends Component<Bounded, Fallen> {
  override state: Fallen = { why: null };

  static getDerivedStateFromError(why: Error): Fallen {
    return { why };
  }

  override componentDidUpdate(before: Bounded): void {
    if (before.path !== this.props.path && this.state.why) this.setState({ why: null });
  }

  override render(): ReactNode {
    return this.state.why ? this.props.instead(this.state.why) : this.props.children;
  }
}
